/** What a finished step leaves behind: the hash of its inputs. Anything unreadable counts as "not done". */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { STATE } from './layout.js';

/**
 * @param {string} step
 * @param {string} key
 */
export async function hasStamp(step, key) {
  const found = await readFile(join(STATE, `${step}.stamp`), 'utf8').catch(() => '');
  return found === `${key}\n`;
}

/**
 * @param {string} step
 * @param {string} key
 */
export async function writeStamp(step, key) {
  await mkdir(STATE, { recursive: true });
  const part = join(STATE, `${step}.stamp.${process.pid}`);
  await writeFile(part, `${key}\n`);
  await rename(part, join(STATE, `${step}.stamp`));
}

/** @param {string} step */
export async function removeStamp(step) {
  await rm(join(STATE, `${step}.stamp`), { force: true });
}
