/** One process at a time: the daemon and the commands of this machine append to the same log. */
import { closeSync, mkdirSync, openSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'libsql';

const PATIENCE_MS = 5_000;
const BETWEEN_ATTEMPTS_MS = 5;

/** `lock`: a file for nothing else. Throws where it cannot be made, or somebody has held it for too long. */
export async function exclusively<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const held = await take(lock);
  try {
    return await work();
  } finally {
    held.close();
  }
}

/** The lock is that of an empty database file: the system lets go of it when the process ends, however it ends. */
async function take(path: string): Promise<Database.Database> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600)); // SQLite would make it by the umask
  const deadline = Date.now() + PATIENCE_MS;
  for (let isOurs = true; ;) {
    const database = new Database(path);
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database.close();
      const isBusy = String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');
      if (isBusy ? Date.now() > deadline : !isOurs) throw isBusy ? new Error(`another process has held ${path} for too long`) : error;
      if (!isBusy) truncateSync(path, 0); // somebody wrote into it
      isOurs = isBusy;
    }
    await sleep(BETWEEN_ATTEMPTS_MS);
  }
}
