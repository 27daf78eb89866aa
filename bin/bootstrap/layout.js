/** Folders of the checkout and of the user, by the rules of src/adapters/paths/paths.ts. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');
/** Stamps, logs and half-done downloads of the bootstrap; safe to delete. */
export const STATE = join(ROOT, '.bootstrap');

/** @param {string} name */
export function logFile(name) {
  return join(STATE, 'logs', `${name}.log`);
}

/** @param {NodeJS.ProcessEnv} [environment] */
export function dataDirectory(environment = process.env) {
  const home = environment['SEMANTIC_HOME'];
  if (home !== undefined && home !== '') return home;
  const xdg = environment['XDG_DATA_HOME'];
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.local/share') : xdg, 'semantic');
}
