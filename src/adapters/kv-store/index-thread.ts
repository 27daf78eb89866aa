import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

import type { IndexAnswer, IndexReply, IndexRequest, IndexWorkerData, PackedRows } from './index-messages.js';
import { indexWorker } from './index-worker.js';
import { decodeRecord, encodeRecord, type StoreRecord } from './records.js';

const SOURCE = `(${indexWorker.toString()})(require('node:worker_threads'), require)`;
const libsql = createRequire(import.meta.url).resolve('libsql');

/** Codes of the database, as the operating system would have put it. */
const CONDITIONS: readonly (readonly [prefix: string, errno: string])[] = [
  ['SQLITE_FULL', 'ENOSPC'],
  ['SQLITE_IOERR', 'EIO'],
  ['SQLITE_READONLY', 'EROFS'],
  ['SQLITE_CANTOPEN', 'EACCES'],
];

export class IndexError extends Error {
  /** Errno of the condition; null where the index itself is damaged, or its thread is gone. */
  readonly errno: string | null;

  constructor(code: string, message: string) {
    super(`index: ${message} (${code})`);
    this.name = 'IndexError';
    this.errno = CONDITIONS.find(([prefix]) => code.startsWith(prefix))?.[1] ?? (/^E[A-Z]+$/.test(code) ? code : null);
  }
}

export interface OpenedIndex {
  readonly records: ReadonlyMap<number, StoreRecord>;
  /** Rows whose checksum does not fit. */
  readonly damagedRows: readonly number[];
  /** Why the index cannot go on being used; null when it is well. */
  readonly damage: string | null;
}

/** Thread of the index: every call is one message, answered in order. */
export class IndexThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(answer: IndexAnswer): void; reject(error: Error): void }>();
  #nextId = 0;
  #end: Error | null = null;

  constructor(indexFile: string, lockFile: string) {
    const workerData: IndexWorkerData = { libsql, indexFile, lockFile };
    this.#worker = new Worker(SOURCE, { eval: true, workerData, env: {}, execArgv: [] });
    this.#worker.unref(); // an idle store keeps no process alive
    this.#worker.on('message', ({ id, answer }: IndexReply) => this.#settle(id, answer));
    this.#worker.on('error', (error) => this.#abort(new IndexError('THREAD', `its thread failed: ${String(error)}`)));
    this.#worker.on('exit', () => this.#abort(new IndexError('THREAD', 'its thread has ended')));
  }

  get isDead(): boolean {
    return this.#end !== null;
  }

  /** Null where another process has it. */
  async open(): Promise<OpenedIndex | null> {
    const answer = await this.#ask({ kind: 'open' });
    if (answer.kind === 'locked') return null;
    if (answer.kind !== 'opened') throw new IndexError('THREAD', `wanted rows, got '${answer.kind}'`);
    const records = new Map<number, StoreRecord>();
    const damagedRows: number[] = [];
    let at = 0;
    for (const [i, id] of answer.rows.ids.entries()) {
      const record = decodeRecord(id, answer.rows.bytes.subarray(at, (at += answer.rows.lengths[i]!)));
      if (record === null) damagedRows.push(id);
      else records.set(id, record);
    }
    return { records, damagedRows, damage: answer.isDamaged ? answer.reason : null };
  }

  async write(puts: ReadonlyMap<number, StoreRecord>, deletes: readonly number[]): Promise<void> {
    if (puts.size > 0 || deletes.length > 0) await this.#ask({ kind: 'write', puts: pack(puts), deletes });
  }

  /** Instead of `open`. False where another process has the lock. */
  async replace(records: ReadonlyMap<number, StoreRecord>, aside: string): Promise<boolean> {
    return (await this.#ask({ kind: 'replace', rows: pack(records), aside })).kind !== 'locked';
  }

  async scrub(): Promise<void> {
    await this.#ask({ kind: 'scrub' });
  }

  async close(): Promise<void> {
    if (!this.isDead) await this.#ask({ kind: 'close' }).catch(() => undefined); // it ends either way
    await this.#worker.terminate();
  }

  #ask(request: IndexRequest): Promise<IndexAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) return reject(this.#end);
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, request });
    });
  }

  #settle(id: number, answer: IndexAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (answer.kind === 'failed') waiting?.reject(new IndexError(answer.code, answer.message));
    else waiting?.resolve(answer);
  }

  #abort(error: Error): void {
    this.#end ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#end);
    this.#waiting.clear();
  }
}

function pack(records: ReadonlyMap<number, StoreRecord>): PackedRows {
  const rows = [...records].map(([id, record]) => encodeRecord(id, record));
  return { ids: Float64Array.from(records.keys()), lengths: Uint32Array.from(rows, ({ length }) => length), bytes: Buffer.concat(rows) };
}
