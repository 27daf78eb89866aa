/** The database of the queue, of which one process at a time has it. */
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { SemanticError } from '../../core/domain/errors.js';
import { SCHEMA } from './schema.js';

/** Throws what the database or the system does: see `isDamage` and `queueError`. */
export function openDatabase(file: string | null): Database.Database {
  if (file === null) return withSchema(new Database(':memory:'));
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return connected(file);
}

/** The lock is the database's own: the system lets go of it when the process ends, however it ends. */
function connected(file: string): Database.Database {
  // SQLite would make it by the umask; its journals take the mode of the database. One that is there is not touched: to close any
  // descriptor of it would drop the locks that this process has on it.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.prepare('PRAGMA journal_mode = WAL').raw().all([]);
    database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; BEGIN EXCLUSIVE; COMMIT');
    const check = database.prepare('SELECT CAST(quick_check AS BLOB) AS verdict FROM pragma_quick_check(1)').all([]) as {
      verdict: Uint8Array;
    }[];
    const verdict = Buffer.from(check[0]!.verdict).toString('latin1');
    if (verdict !== 'ok') throw Object.assign(new Error(verdict), { code: 'SQLITE_CORRUPT' });
    return withSchema(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function withSchema(database: Database.Database): Database.Database {
  database.exec(SCHEMA);
  return database;
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

export function isDamage(error: unknown): boolean {
  return ['SQLITE_CORRUPT', 'SQLITE_NOTADB'].some((code) => codeOf(error).startsWith(code));
}

/** What the database said, as the table has it. */
export function queueError(error: unknown): SemanticError {
  if (error instanceof SemanticError) return error;
  const code = codeOf(error);
  const { message } = error as Error;
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC')
    return new SemanticError('DiskFull', `[jobs] nothing more can be written: ${message}`, { cause: error });
  const isTaken = code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
  const what = isTaken ? 'another process has the queue' : `its database cannot be used: ${message}`;
  return new SemanticError('JobsUnavailable', `[jobs] ${what}`, {
    retryAfterSeconds: 5,
    ...(isTaken ? { hint: 'One daemon of a data directory has its jobs: ask that one.' } : {}),
    cause: error,
  });
}
