/** A line that was not written to its end, by a process that was killed: it is cut off, and what there was of it goes into the next line. */
import { open, readFile, rm } from 'node:fs/promises';
import { ofTheLog, type TimedEvent } from './audit-event.js';
import { tornOf } from './audit-files.js';
import { sha256 } from './sealed-line.js';

/** On disk before it is cut off: it is not lost to whoever kills this process too. */
export async function keepTorn(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(tornOf(path), 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** What the log is to say of it; none where nothing was torn. */
export async function tornEvents(path: string): Promise<readonly TimedEvent[]> {
  const bytes = await readFile(tornOf(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null || bytes.length === 0) return [];
  return [ofTheLog('log.recovered', { bytes: bytes.length, sha256: sha256(bytes), text: bytes.toString('utf8') })];
}

export async function forgetTorn(path: string): Promise<void> {
  await rm(tornOf(path), { force: true });
}
