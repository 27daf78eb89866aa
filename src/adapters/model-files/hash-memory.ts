/** Hashes of files, kept as a small JSON. It is a memory only: what is not in it, or not readable, is hashed again. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

/** The hash of a file that was in a state: see `weightsHash`. */
export interface RememberedHash {
  readonly state: string;
  readonly sha256: string;
}

const MEMORY = z.object({
  version: z.literal(1),
  files: z.record(z.string(), z.object({ state: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

/** By real path; empty where there is none, or it is damaged. */
export async function readHashMemory(path: string): Promise<Map<string, RememberedHash>> {
  try {
    const { files } = MEMORY.parse(JSON.parse(await readFile(path, 'utf8')));
    return new Map(Object.entries(files));
  } catch {
    return new Map();
  }
}

/** Whole or not at all. That it cannot be written is no error: the files are hashed again next time. */
export async function writeHashMemory(path: string, hashes: ReadonlyMap<string, RememberedHash>): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(aside, JSON.stringify({ version: 1, files: Object.fromEntries(hashes) }), { mode: 0o600 });
    await rename(aside, path);
  } catch {
    await rm(aside, { force: true }).catch(() => undefined);
  }
}
