import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Raised when an older program could misread what is written. */
export const STORE_FORMAT = 1;

/** One line: name, version, and a checksum, so that a flipped bit does not pass for a newer version. */
export function formatLine(version: number): string {
  const text = `semantic-kv-store ${version}`;
  return `${text} ${createHash('sha256').update(text).digest('hex').slice(0, 16)}\n`;
}

/** Version a directory is of; null where it says nothing that can be trusted. */
export async function readFormat(path: string): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const version = Number(/^semantic-kv-store (\d{1,9}) /.exec(text)?.[1] ?? Number.NaN);
  return Number.isInteger(version) && formatLine(version) === text ? version : null;
}
