/** KV at rest: sequences that finished requests leave behind, for the next turn in memory and, where it is wanted, on disk. */
import type { BlockLease } from '../domain/block-pool.js';
import type { TraceParent } from '../domain/trace-parent.js';
import { GREEDY } from '../domain/sampling.js';
import type { ModelRunner } from '../ports.js';
import type { CacheHistories } from './cache-histories.js';
import type { KvMemory } from './kv-memory.js';
import type { KvParking } from './kv-parking.js';
import type { Identity, RetainedSequence } from './retained-sequences.js';

export interface KeptKvOptions {
  readonly runner: ModelRunner;
  readonly kv: KvMemory;
  readonly parking: KvParking;
  readonly histories: CacheHistories;
  /** Called when something was stored, or could not be. */
  readonly onStored: () => void;
}

export class KeptKv {
  /** Leases of forks that are being made. */
  readonly #leases = new Set<BlockLease>();
  /** Kept sequences that are not on disk though they should be: the disk refused them. */
  readonly #unstored = new Set<number>();

  constructor(private readonly options: KeptKvOptions) {}

  /** Blocks that are set aside for sequences which are not kept yet. */
  leases(): Iterable<BlockLease> {
    return this.#leases;
  }

  /** Its lease shrinks to what the sequence holds. KV that cannot be stored stays in memory; why is in the status. `trace`: of the request that left it. */
  async keep(entry: RetainedSequence, toDisk: boolean, trace?: TraceParent): Promise<void> {
    const { kv, parking } = this.options;
    kv.settle(entry.lease, entry.tokens.length);
    this.#unstored.delete(entry.sequence);
    if (toDisk && parking.isWorthParking(entry.tokens, entry.sessionId)) await this.#park(entry, trace);
    await this.#letGo(kv.retained.retain(entry));
  }

  /** In the background; `done` resolves to whether it is on disk. What the disk refuses is tried again by `storeRest`. */
  async #park(entry: RetainedSequence, trace?: TraceParent): Promise<{ readonly done: Promise<boolean> }> {
    const { parking, onStored } = this.options;
    const { sequence, sessionId: owner } = entry;
    this.#unstored.add(sequence);
    const { done } = await parking.park({ ...entry, owner, ...(trace === undefined ? {} : { trace }) });
    const isStored = (): boolean => {
      this.#unstored.delete(sequence);
      return true;
    };
    const refused = (): boolean => false; // why is in the status
    return { done: done.then(isStored, refused).finally(onStored) };
  }

  /** Writes what the disk refused when its turn ended; ends when all is there, or something was refused again. */
  async storeRest(): Promise<void> {
    const { kv, parking } = this.options;
    await parking.flush();
    const kept = new Map(Array.from(kv.retained.kept(), (entry) => [entry.sequence, entry]));
    for (const sequence of [...this.#unstored]) {
      const entry = kept.get(sequence);
      if (entry === undefined) this.#unstored.delete(sequence);
      else if (!(await (await this.#park(entry)).done)) return;
    }
  }

  /**
   * Where windowed layers forget, a running sequence leaves restore points behind: forks at rest, to which a later request that goes
   * another way from there can come back. Nothing happens where there is no room.
   */
  async mark(running: RetainedSequence, toDisk: boolean): Promise<void> {
    const fork = await this.#fork(running, running.tokens.length);
    if (fork === null) return;
    this.#leases.delete(fork.lease);
    await this.keep({ ...running, ...fork }, toDisk);
  }

  /**
   * `to` holds from now on what `from` has of `tokens`, in memory: as a fork, of which not a byte is copied. Resolves to how many tokens
   * that is; 0 where `from` has nothing, or there is no room for the rest of a block: then the next turn of `to` finds what there is.
   */
  async share(from: Identity, to: Identity, tokens: Int32Array, pinned: boolean): Promise<number> {
    const { retained } = this.options.kv;
    const source = retained.find(Int32Array.of(...tokens, END_MARK), from);
    const fork = source === null ? null : await this.#fork(source.entry, source.sharedTokens);
    if (source === null || fork === null) return 0;
    this.#leases.delete(fork.lease);
    await this.#letGo(retained.retain({ ...to, ...fork, tokens: tokens.subarray(0, source.sharedTokens), awaitsTool: false, pinned }));
    return source.sharedTokens;
  }

  /** The first `tokens` of a sequence, with a lease that is ours until it is handed on; null where that cannot be. */
  async #fork(
    source: Pick<RetainedSequence, 'sequence' | 'lease'>,
    tokens: number,
  ): Promise<Pick<RetainedSequence, 'sequence' | 'lease'> | null> {
    const { kv, runner } = this.options;
    const lease = kv.forkLease(source.lease, tokens);
    if (lease === null) return null;
    this.#leases.add(lease);
    const { sequence, length } = await runner.forkSequence(source.sequence, tokens, GREEDY).catch((error: unknown) => {
      this.#giveBack(lease);
      throw error;
    });
    if (length === tokens) return { sequence, lease };
    this.#giveBack(lease);
    await runner.dropSequence(sequence);
    return null;
  }

  #giveBack(lease: BlockLease): void {
    this.#leases.delete(lease);
    this.options.kv.pool.free(lease);
  }

  /** Writes sequences to disk that are kept; resolves to the bytes written when all is there. */
  async store(entries: readonly RetainedSequence[]): Promise<number> {
    // All are held before anything is waited for: they may be evicted meanwhile.
    const jobs = await Promise.all(entries.map((entry) => this.options.parking.park({ ...entry, owner: entry.sessionId })));
    const written = await Promise.all(jobs.map(({ done }) => done));
    return written.reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Running and kept sequences are to do with `bytes` together; what is kept makes way, least recently used first. Throws PoolExhausted
   * where running and pinned ones hold more.
   */
  async setBudget(bytes: number): Promise<void> {
    const { kv, parking } = this.options;
    if (bytes < kv.pool.counts().usedBytes) await parking.flush(); // what is being written is held
    await this.#letGo(kv.retained.shrinkPool(bytes));
    kv.pool.setBudget({ bytes });
  }

  async pin(identity: Identity, pinned: boolean): Promise<void> {
    await this.#letGo(this.options.kv.retained.pin(identity, pinned));
  }

  /** Lets kept KV go from memory; what is not on disk then is to be prefilled again. */
  async release(which: (entry: RetainedSequence) => boolean): Promise<void> {
    await this.#letGo(this.options.kv.retained.release(which));
  }

  /** Evicted sequences go; a session whose last one went is told so at its next miss. */
  async #letGo(gone: readonly RetainedSequence[]): Promise<void> {
    const { kv, histories, runner } = this.options;
    for (const entry of gone) if (kv.retained.keptOf(entry) === null) histories.lose(entry, 'evicted');
    for (const { sequence } of gone) {
      this.#unstored.delete(sequence);
      await runner.dropSequence(sequence);
    }
  }
}

/** No token: a kept sequence may be shared to its end, where a prompt always leaves one to prefill. */
const END_MARK = -1;
