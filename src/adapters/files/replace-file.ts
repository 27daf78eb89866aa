/** Small files of ours that several commands may change at once: replaced as a whole, readable and writable by their owner alone. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SemanticError } from '../../core/domain/errors.js';

/** What `make` returns takes the place of the file, all or nothing. The new file is the lock: only one can make it. `noun`: such as "keys". */
export async function replaceFile(path: string, noun: string, make: () => string): Promise<void> {
  const next = `${path}.next`;
  const fd = await openExclusively(next, noun);
  try {
    try {
      writeSync(fd, make());
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

const ATTEMPTS = 100;
const BETWEEN_ATTEMPTS_MS = 50;

async function openExclusively(path: string, noun: string): Promise<number> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt++) {
    try {
      return openSync(path, 'wx', 0o600);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new SemanticError('ConfigInvalid', `[${noun}] cannot write ${path}: ${(cause as Error).message}`, { cause });
      }
      if (attempt === ATTEMPTS) {
        throw new SemanticError('ConfigInvalid', `[${noun}] ${path} is there: the ${noun} are being changed, or whoever did was killed`, {
          hint: 'If no other `semantic` is changing them, remove that file.',
          cause,
        });
      }
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
  }
}
