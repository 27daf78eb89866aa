/** Hashes of files, kept from one start to the next: see `weightsHash`. */
import { z } from 'zod';
import { readMemory, writeMemory } from '../files/memory-file.js';

/** The hash of a file that was in a state. */
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
  return new Map(Object.entries((await readMemory(path, MEMORY))?.files ?? {}));
}

export function writeHashMemory(path: string, hashes: ReadonlyMap<string, RememberedHash>): Promise<void> {
  return writeMemory(path, { version: 1, files: Object.fromEntries(hashes) });
}
