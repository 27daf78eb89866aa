import type { BlockHash } from '../../core/domain/block-hash.js';
import type { SemanticError } from '../../core/domain/errors.js';
import type { KvBlock } from '../../core/domain/kv-block.js';
import type { Catalogue } from './catalogue.js';
import { Condition } from './condition.js';
import { extentFile, type StorePaths } from './directory.js';
import { ExtentReaders } from './extent-readers.js';
import { removeFile } from './file-io.js';
import { Governor, type DayCount } from './governor.js';
import { IndexError, type IndexThread } from './index-thread.js';
import type { KvStoreOptions } from './options.js';
import type { StoreRecord } from './records.js';
import { describe, errnoOf, persistenceError } from './store-errors.js';
import { Turnstile } from './turnstile.js';

/** Rows with a number of their own; all others count up from `FIRST_ROW` and are not used twice while the row is there. */
export const DAY_ROW = 1;
export const RECENCY_ROW = 2;
export const FIRST_ROW = 3;

/** What the verbs of an open store work on. */
export class StoreCore {
  readonly readers: ExtentReaders;
  readonly governor: Governor;
  readonly condition: Condition;
  /** Whoever changes the index goes through here. */
  readonly turnstile = new Turnstile();
  /** Extents begun: how each is given up. */
  readonly writing = new Map<string, () => Promise<void>>();
  /** Copies of damaged images that are kept. */
  quarantined = 0;
  /** Blocks that made way since it was opened. */
  evicted = 0;
  isClosed = false;
  /** Extents without a row, whose files the disk would not delete. */
  readonly undeleted = new Set<string>();
  /** The index on disk can no longer be written: a new one is made of the catalogue. */
  isIndexDamaged = false;

  constructor(
    readonly options: KvStoreOptions,
    readonly paths: StorePaths,
    readonly catalogue: Catalogue,
    public index: IndexThread,
    private nextRow: number,
    day: DayCount | null,
    /** Tries to write; rejects while the disk refuses. */
    probe: (core: StoreCore) => Promise<void>,
  ) {
    this.readers = new ExtentReaders(paths);
    this.governor = new Governor(paths.directory, options.limits, options.clock, day);
    this.condition = new Condition(options.retrySeconds, options.log, () => this.turnstile.enter(() => probe(this)));
  }

  newRow(): number {
    return this.nextRow++;
  }

  /** One durable transaction. Throws CachePersistence, and then nothing of it counts. */
  async transact(what: string, puts: ReadonlyMap<number, StoreRecord>, deletes: readonly number[]): Promise<void> {
    try {
      await this.index.write(puts, deletes);
    } catch (error) {
      throw this.refused(what, error);
    }
  }

  /**
   * A transaction after which these extents are dead. Where there is no room even to write that down, they go first: rows without a
   * file are noticed, and a full disk must not keep what would make room.
   */
  async writeRemoval(
    puts: ReadonlyMap<number, StoreRecord>,
    deletes: readonly number[],
    dead: Iterable<{ readonly id: string }>,
  ): Promise<void> {
    try {
      await this.index.write(puts, deletes);
    } catch (error) {
      const extents = [...dead];
      if (!(error instanceof IndexError) || error.errno !== 'ENOSPC' || extents.length === 0) throw error;
      for (const { id } of extents) await this.unlinkExtent(id);
      await this.index.write(puts, deletes);
    }
  }

  /** The disk refused: suspends, and gives the error to throw. */
  refused(what: string, error: unknown): SemanticError {
    if (error instanceof IndexError && error.errno === null) this.isIndexDamaged = true;
    const errno = error instanceof IndexError ? error.errno : errnoOf(error);
    const reason = errno === null ? describe(error) : `the disk refused: ${errno}, ${describe(error)}`;
    this.condition.suspend('disk', reason);
    return persistenceError(what, reason, { cause: error });
  }

  /** Throws CachePersistence where nothing may be written. */
  assertWritable(what: string): void {
    if (this.isClosed) throw persistenceError(what, 'the store is closed');
    const reason = this.condition.diskReason;
    if (reason !== null) throw persistenceError(what, reason, { retryAfterSeconds: Math.ceil(this.options.retrySeconds) });
  }

  /** Only once its row is gone: a stop in between leaves an orphan at worst. */
  async unlinkExtent(id: string): Promise<void> {
    await this.readers.forget(id);
    try {
      await removeFile(extentFile(this.paths, id));
      this.undeleted.delete(id);
    } catch (error) {
      this.undeleted.add(id);
      this.options.log('warn', 'kv store: an extent could not be deleted; the next purge or start tries again', {
        extent: id,
        error: describe(error),
      });
    }
  }

  /** Blocks before these, that they are of no use without. */
  ancestorsOf(blocks: Iterable<KvBlock>): Set<BlockHash> {
    const hashes = new Set<BlockHash>();
    for (const { parent } of blocks) {
      for (let at = this.catalogue.blocks.get(parent); at !== undefined && !hashes.has(at.hash);) {
        hashes.add(at.hash);
        at = this.catalogue.blocks.get(at.parent);
      }
    }
    return hashes;
  }
}

export function dayRecord({ day, bytes }: DayCount): StoreRecord {
  return { type: 'day', day, bytes };
}
