import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const BYTES = 32;

/** The secret of this user's seals: 32 bytes, made once and kept in `directory` as a file that only its owner reads. */
export async function sealSecret(directory: string): Promise<Uint8Array> {
  const path = join(directory, 'seal-secret');
  const kept = await readKept(path);
  if (kept !== null) return kept;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, randomBytes(BYTES), { mode: 0o600, flush: true });
  try {
    await link(mine, path); // whole or not at all, and never over another daemon's
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(mine, { force: true });
  }
  return (await readKept(path)) ?? randomBytes(BYTES);
}

async function readKept(path: string): Promise<Uint8Array | null> {
  try {
    const secret = await readFile(path);
    if (secret.length === BYTES) return secret;
    await rm(path); // of no use: seals of it cannot be known again
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
