import { statfs } from 'node:fs/promises';
import { SemanticError } from '../../../core/domain/errors.js';

/** Left free beside what is asked for, so that the system stays usable. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/** Throws DiskFull before anything is written. `directory` exists. */
export async function requireSpace(directory: string, bytes: number, purpose: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes + RESERVE_BYTES) return;
  throw new SemanticError('DiskFull', `[pull] ${purpose} takes ${megabytes(bytes)}, ${directory} has ${megabytes(free)} free`, {
    hint: 'Free some space, or set SEMANTIC_HOME to a folder on a larger disk, and run the same command again.',
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
