/** One bootstrap at a time per checkout: a second one waits, and then finds nothing to do. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { STATE } from './layout.js';

const LOCK = join(STATE, 'lock');
const POLL_MS = 250;

/**
 * @param {(line: string) => void} note
 * @returns {Promise<() => Promise<void>>} release
 */
export async function takeLock(note) {
  await mkdir(STATE, { recursive: true });
  let told = false;
  while (!(await tryLock())) {
    const pid = Number(await readFile(LOCK, 'utf8').catch(() => ''));
    if (!isAlive(pid)) await rm(LOCK, { force: true });
    else {
      if (!told) note(`another bootstrap (process ${pid}) is at work here, waiting for it`);
      told = true;
      await sleep(POLL_MS);
    }
  }
  return () => rm(LOCK, { force: true });
}

async function tryLock() {
  return writeFile(LOCK, String(process.pid), { flag: 'wx' }).then(
    () => true,
    () => false,
  );
}

/** @param {number} pid */
function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
