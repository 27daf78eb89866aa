/** Step: the npm packages of package-lock.json. */
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { BootstrapError } from './bootstrap-error.js';
import { hashFiles } from './hash-tree.js';
import { logFile, ROOT } from './layout.js';
import { runCommand, tailOf } from './run-command.js';
import { hasStamp, writeStamp } from './stamp.js';

const STEP = 'packages';
const LOCKFILE = join(ROOT, 'package-lock.json');
/** npm writes it last, so an install that broke off has none. */
const INSTALLED = join(ROOT, 'node_modules/.package-lock.json');

/** @type {import('./main.js').Step} */
export const installPackages = {
  title: 'Installing npm packages',
  async isDone() {
    // A link leads to somebody else's packages, which npm ci would empty.
    if (await isLink(join(ROOT, 'node_modules'))) return true;
    const [lock, installed] = await Promise.all([stat(LOCKFILE), stat(INSTALLED).catch(() => undefined)]);
    if (installed === undefined) return false;
    // Newer than the lockfile: somebody ran npm install or npm ci by hand.
    return (await hasStamp(STEP, await key())) || installed.mtimeMs >= lock.mtimeMs;
  },
  async run() {
    const log = logFile(STEP);
    const exit = await runCommand('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=warn'], { cwd: ROOT, log });
    if (exit !== 0) throw await npmFailure(exit, log);
    await writeStamp(STEP, await key());
  },
};

/** @param {string} path */
async function isLink(path) {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() === true;
}

function key() {
  return hashFiles(ROOT, [LOCKFILE]);
}

/**
 * Why npm ci failed, by what its log ends with.
 *
 * @param {number} exit
 * @param {string} log
 */
export async function npmFailure(exit, log) {
  const tail = await tailOf(log);
  const details = { log, tail };
  if (exit === 127)
    return new BootstrapError('PrerequisiteMissing', '[bootstrap] npm is not on PATH', {
      hint: 'It comes with Node; check the installation.',
    });
  if (/ENOSPC/.test(tail)) {
    return new BootstrapError('DiskFull', `[bootstrap] no space left for npm packages in ${ROOT}`, {
      ...details,
      hint: 'Free some space and run the same command again.',
    });
  }
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|network/i.test(tail)) {
    return new BootstrapError('DownloadFailed', '[bootstrap] npm could not reach its registry', {
      ...details,
      hint: 'Check the network, and the proxy or registry npm uses (npm config get registry), then run the same command again.',
    });
  }
  return new BootstrapError('StepFailed', `[bootstrap] npm ci failed with exit code ${exit}`, details);
}
