/** What was worked out once, kept as a small JSON. It is a memory only: what is not in it, or not readable, is worked out again. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';

/** Null where there is none, or it is damaged. */
export async function readMemory<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | null> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Whole or not at all. That it cannot be written is no error. */
export async function writeMemory(path: string, value: object): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(aside, JSON.stringify(value), { mode: 0o600 });
    await rename(aside, path);
  } catch {
    await rm(aside, { force: true }).catch(() => undefined);
  }
}
