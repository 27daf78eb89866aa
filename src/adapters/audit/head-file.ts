/**
 * Which line is the last. It is written after that line is on disk, so a process that is killed in between leaves one that is behind, never one
 * that is ahead: a log that ends before it has lost lines.
 */
import { open, readFile } from 'node:fs/promises';
import type { Link } from './sealed-line.js';

const SHAPE = /^(\d{16}) ([\da-f]{64})\n$/;

/** Null where there is none. */
export async function readHead(path: string): Promise<Link | null> {
  const text = await readFile(path, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const [, seq, hash] = SHAPE.exec(text) ?? [];
  return seq === undefined || hash === undefined ? null : { seq: Number(seq), hash };
}

/** Always as long, and in place: less than a sector is written whole or not at all. */
export async function writeHead(path: string, { seq, hash }: Link): Promise<void> {
  const file = await open(path, 'a', 0o600).then(async (made) => {
    await made.close();
    return open(path, 'r+');
  });
  try {
    const bytes = Buffer.from(`${String(seq).padStart(16, '0')} ${hash}\n`, 'latin1');
    await file.write(bytes, 0, bytes.length, 0);
  } finally {
    await file.close();
  }
}
