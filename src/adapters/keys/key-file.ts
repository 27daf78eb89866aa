/** API keys on file: their names and hashes, readable and writable by their owner alone, replaced as a whole. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';

const fileSchema = z.strictObject({
  version: z.literal(1),
  keys: z.array(
    z.strictObject({
      name: z.string(),
      /** First characters of the key. */
      start: z.string(),
      /** Of the whole key, 64 hex digits. */
      sha256: z.string().regex(/^[\da-f]{64}$/),
      /** Milliseconds since 1970. */
      createdAt: z.number(),
    }),
  ),
});

export type KeyOnFile = z.output<typeof fileSchema>['keys'][number];

/** None where there is no file. Throws ConfigInvalid where it cannot be read or is something else. */
export function readKeys(path: string): readonly KeyOnFile[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).keys;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const why = cause instanceof z.ZodError ? 'it is no file of keys' : (cause as Error).message;
    throw new SemanticError('ConfigInvalid', `[keys] cannot read ${path}: ${why}`, {
      hint: 'Put it right, or remove it: then no key is valid any more.',
      cause,
    });
  }
}

/** What `change` makes of the keys takes their place, all or nothing. The new file is the lock: only one can make it. */
export async function changeKeys(path: string, change: (keys: readonly KeyOnFile[]) => readonly KeyOnFile[]): Promise<void> {
  const next = `${path}.next`;
  const fd = await openExclusively(next);
  try {
    try {
      writeSync(fd, `${JSON.stringify({ version: 1, keys: change(readKeys(path)) }, null, 2)}\n`);
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

async function openExclusively(path: string): Promise<number> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt++) {
    try {
      return openSync(path, 'wx', 0o600);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new SemanticError('ConfigInvalid', `[keys] cannot write ${path}: ${(cause as Error).message}`, { cause });
      }
      if (attempt === ATTEMPTS) {
        throw new SemanticError('ConfigInvalid', `[keys] ${path} is there: the keys are being changed, or whoever did was killed`, {
          hint: 'If no other `semantic keys` is running, remove that file.',
          cause,
        });
      }
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
  }
}
