import type * as Fs from 'node:fs';
import type { MessagePort } from 'node:worker_threads';

import type Libsql from 'libsql';

import type { IndexAnswer, IndexRequest, IndexWorkerData, PackedRows } from './index-messages.js';

interface WorkerThread {
  readonly parentPort: MessagePort | null;
  readonly workerData: IndexWorkerData;
}

/** Of `SELECT`. */
type Row = [id: number, data: ArrayBuffer];

/**
 * All that runs in the thread of the index. Its text is what the thread is started with, the same from sources and from dist/, so it
 * must not touch anything outside itself but its parameters. It knows rows of bytes by number and nothing of what they mean.
 */
export function indexWorker({ parentPort, workerData }: WorkerThread, load: (path: string) => unknown): void {
  const SCHEMA = 'CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY, data BLOB NOT NULL)';
  // A flipped bit can turn a blob into text that is no UTF-8, and text of that kind ends the process: cast.
  const SELECT = 'SELECT id, CAST(data AS BLOB) FROM record';
  const DAMAGE = ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_SCHEMA', 'SQLITE_ERROR', 'SQLITE_MISMATCH', 'SQLITE_CONSTRAINT'];
  const { indexFile, lockFile } = workerData;
  const port = parentPort!;
  const DatabaseClass = load(workerData.libsql) as typeof Libsql;
  const fs = load('node:fs') as typeof Fs;
  let lock: Libsql.Database | null = null;
  let index: Libsql.Database | null = null;

  const codeOf = (error: unknown): string =>
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
  const failed = (error: unknown): IndexAnswer => ({
    kind: 'failed',
    code: codeOf(error),
    message: error instanceof Error ? error.message : String(error),
  });
  const isDamage = (error: unknown): boolean => DAMAGE.some((code) => codeOf(error).startsWith(code)) || codeOf(error) === 'UNKNOWN';

  /** SQLite makes files by the umask; its journals take the mode of the database. */
  const touch = (file: string): void => fs.closeSync(fs.openSync(file, 'a', 0o600));

  /** The lock is that of an empty database file: the system lets go of it when the process ends, however it ends. */
  function takeLock(): boolean {
    touch(lockFile);
    for (let attempt = 0; ; attempt++) {
      const database = new DatabaseClass(lockFile);
      try {
        // The journal of a new database goes to memory: a full disk is no reason not to read.
        database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
        lock = database;
        return true;
      } catch (error) {
        database.close();
        if (codeOf(error).startsWith('SQLITE_BUSY')) return false;
        if (attempt > 0) throw error;
        fs.truncateSync(lockFile, 0); // somebody wrote into it
      }
    }
  }

  function connect(): Libsql.Database {
    touch(indexFile);
    const database = new DatabaseClass(indexFile);
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.prepare('PRAGMA journal_mode = WAL').raw().all([]);
    database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    return database;
  }

  function opened(): Libsql.Database {
    if (index === null) throw new Error('the index is not open');
    return index;
  }

  /** A wrong one makes the database read-only, as a file system would. */
  function formatVersion(): number {
    if (!fs.existsSync(indexFile)) return 0;
    const file = fs.openSync(indexFile, 'r');
    const head = Buffer.alloc(20);
    fs.readSync(file, head, 0, head.length, 0);
    fs.closeSync(file); // before the database has locks on it: closing any descriptor would drop them
    return Math.max(head[18]!, head[19]!);
  }

  function pack(rows: ReadonlyMap<number, Uint8Array>): PackedRows {
    const lengths = Uint32Array.from(rows.values(), (row) => row.byteLength);
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const row of rows.values()) {
      bytes.set(row, at);
      at += row.byteLength;
    }
    return { ids: Float64Array.from(rows.keys()), lengths, bytes };
  }

  /** Parameters go in as a list: a lone object would be taken for named ones, and that ends the process. */
  function insert(database: Libsql.Database, { ids, lengths, bytes }: PackedRows): void {
    const statement = database.prepare('INSERT OR REPLACE INTO record (id, data) VALUES (?, ?)');
    let at = 0;
    for (const [i, id] of ids.entries()) {
      statement.run([id, Buffer.from(bytes.buffer, bytes.byteOffset + at, lengths[i])]);
      at += lengths[i]!;
    }
  }

  function transaction(database: Libsql.Database, work: () => void): void {
    database.exec('BEGIN IMMEDIATE');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      try {
        database.exec('ROLLBACK');
      } catch {
        // the failure has rolled it back already
      }
      throw error;
    }
  }

  /** Takes what the last process left in its log over into the database. On a full disk it stays where it is. */
  function checkpoint(database: Libsql.Database): void {
    try {
      database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().all([]);
    } catch {
      // nothing is lost: the log counts
    }
  }

  /** From both ends towards the damage. */
  function salvage(database: Libsql.Database | null): Map<number, Uint8Array> {
    const rows = new Map<number, Uint8Array>();
    for (const order of ['ASC', 'DESC']) {
      try {
        const found = database?.prepare(`${SELECT} ORDER BY id ${order}`).raw().iterate([]) as Iterable<Row> | undefined;
        for (const [id, data] of found ?? []) if (!rows.has(id)) rows.set(id, new Uint8Array(data));
      } catch {
        // what was read counts
      }
    }
    return rows;
  }

  function open(): IndexAnswer {
    if (lock === null && !takeLock()) return { kind: 'locked' };
    const version = formatVersion();
    if (version > 2) return { kind: 'opened', rows: pack(new Map()), isDamaged: true, reason: `its header names format ${version}` };
    try {
      index = connect();
      const check = index.prepare('SELECT 0, CAST(integrity_check AS BLOB) FROM pragma_integrity_check(1)').raw().all([]) as Row[];
      const verdict = Buffer.from(check[0]![1]).toString('latin1');
      if (verdict !== 'ok') return { kind: 'opened', rows: pack(salvage(index)), isDamaged: true, reason: verdict };
      index.exec(SCHEMA);
      checkpoint(index);
      const rows = index.prepare(SELECT).raw().all([]) as Row[];
      return { kind: 'opened', rows: pack(new Map(rows.map(([id, data]) => [id, new Uint8Array(data)]))), isDamaged: false, reason: '' };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { kind: 'opened', rows: pack(salvage(index)), isDamaged: true, reason: failedText(error) };
    }
  }

  const failedText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

  /**
   * Only in a thread that has not opened the index: a connection goes away when its memory is collected, and then unlinks a journal by
   * name, which may be another's by that time. The new file is complete and durable before it takes the name.
   */
  function replace(rows: PackedRows, aside: string): IndexAnswer {
    if (lock === null && !takeLock()) return { kind: 'locked' };
    const fresh = `${indexFile}.tmp`;
    for (const file of [fresh, `${fresh}-journal`]) fs.rmSync(file, { force: true });
    touch(fresh);
    const database = new DatabaseClass(fresh);
    database.exec('PRAGMA synchronous = FULL');
    database.exec(SCHEMA);
    transaction(database, () => insert(database, rows));
    for (const suffix of ['-wal', '']) {
      if (fs.existsSync(indexFile + suffix)) fs.copyFileSync(indexFile + suffix, aside + suffix);
    }
    fs.rmSync(`${indexFile}-wal`, { force: true }); // it would be read into the new one
    fs.renameSync(fresh, indexFile);
    index = connect();
    return { kind: 'done' };
  }

  function answer(request: IndexRequest): IndexAnswer {
    switch (request.kind) {
      case 'open':
        return open();
      case 'write': {
        const database = opened();
        transaction(database, () => {
          const remove = database.prepare('DELETE FROM record WHERE id = ?');
          for (const id of request.deletes) remove.run([id]);
          insert(database, request.puts);
        });
        return { kind: 'done' };
      }
      case 'replace':
        return replace(request.rows, request.aside);
      case 'scrub':
        opened().prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().all([]);
        return { kind: 'done' };
      case 'close':
        index?.close();
        lock?.close();
        port.close();
        return { kind: 'done' };
    }
  }

  port.on('message', ({ id, request }: { id: number; request: IndexRequest }) => {
    let reply: IndexAnswer;
    try {
      reply = answer(request);
    } catch (error) {
      reply = failed(error);
    }
    const transfer = reply.kind === 'opened' ? [reply.rows.bytes.buffer as ArrayBuffer] : [];
    port.postMessage({ id, answer: reply }, transfer);
  });
}
