/** Refuses a download that cannot fit, before it starts. */
import { mkdir, statfs } from 'node:fs/promises';

import { BootstrapError } from './bootstrap-error.js';

/** Left free beside what is asked for, so that the system stays usable. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/**
 * @param {string} directory created when missing
 * @param {number} bytes
 * @param {string} purpose for the message, such as "the starter model"
 */
export async function requireDiskSpace(directory, bytes, purpose) {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes + RESERVE_BYTES) return;
  throw new BootstrapError(
    'DiskFull',
    `[bootstrap] ${purpose} needs ${megabytes(bytes + RESERVE_BYTES)}, ${directory} has ${megabytes(free)} free`,
    {
      hint: 'Free some space, or set SEMANTIC_HOME to a folder on a larger disk, and run the same command again.',
    },
  );
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
