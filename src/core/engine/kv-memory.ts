/** The KV of running and of kept sequences: one pool counts both, so that what is kept makes way for what runs. */
import { type EngineObserver, NO_OBSERVER } from '../ports.js';
import { type BlockLease, BlockPool, countsOf } from '../domain/block-pool.js';
import type { BlockCounts, ModelCacheSpec } from '../domain/model-cache-spec.js';
import type { EngineStatus } from './engine-status.js';
import { type Identity, type RetainedSequence, RetainedSequences, type RetentionLimits, type Reuse } from './retained-sequences.js';

export interface KvLimits {
  /** KV of running and of kept sequences together. */
  readonly kvBudgetBytes: number;
  /** What a windowed layer of a running sequence may hold beyond its window. */
  readonly windowSlackTokens: number;
  readonly retention: RetentionLimits;
}

/** A request for blocks: what it will hold, and the prompt that may be there already. */
export interface Demand extends Identity {
  readonly blocks: BlockCounts;
  /** Null = nothing kept is of use to it. */
  readonly prompt: Int32Array | null;
  /** What its session has may be cut to what both share; where nothing is said it may. */
  readonly mayCut?: boolean;
}

export interface Claim {
  readonly lease: BlockLease;
  /** The kept sequence that goes on, taken out; or the one to fork, which stays unless it is among the evicted. */
  readonly reuse: Reuse | null;
  /** Sequences that made way: the caller drops them. */
  readonly evicted: readonly RetainedSequence[];
}

export class KvMemory {
  readonly pool: BlockPool;
  readonly retained: RetainedSequences;
  readonly #cache: ModelCacheSpec;
  readonly #limits: KvLimits;
  #found: { readonly prompt: Int32Array; readonly version: number; readonly reuse: Reuse | null } | null = null;

  constructor(cache: ModelCacheSpec, limits: KvLimits, fingerprint: string, observer: EngineObserver = NO_OBSERVER) {
    this.#cache = cache;
    this.#limits = limits;
    this.pool = new BlockPool(cache, { bytes: limits.kvBudgetBytes });
    this.retained = new RetainedSequences(limits.retention, cache, this.pool, fingerprint, (count) => observer.evicted(count));
  }

  /** What a running sequence of so many tokens has set aside. */
  blocksFor(tokens: number): BlockCounts {
    return this.#cache.blocksFor(tokens, this.#limits.windowSlackTokens);
  }

  /** Whether `claim` would succeed now. Never mutates. */
  canClaim(demand: Demand): boolean {
    const reuse = this.#find(demand);
    if (reuse === null) return this.pool.canAllocate(demand.blocks, this.retained.reclaimable(null, []));
    const { lease } = reuse.entry;
    const keep = this.retained.sharedBlocks(reuse.sharedTokens);
    if (!reuse.fork) return this.pool.canResize(lease, demand.blocks, keep, this.retained.reclaimable(lease, countsOf(lease)));
    const own = demand.blocks.map((count, i) => Math.max(0, count - Math.min(lease.blocks[i]!.length, keep[i]!)));
    // What is shared does not come back when its source goes.
    return this.pool.canAllocate(own, this.retained.reclaimable(lease, keep));
  }

  /**
   * Blocks for a request: those of the kept sequence that goes on, resized; or those that a fork shares, and new ones; or all new. Kept
   * sequences make way. Throws PoolExhausted where `canClaim` said no.
   */
  claim(demand: Demand): Claim {
    const reuse = this.#find(demand);
    const keep = reuse === null ? [] : this.retained.sharedBlocks(reuse.sharedTokens);
    const lease = reuse === null ? this.pool.allocate([]) : reuse.fork ? this.pool.fork(reuse.entry.lease, keep) : reuse.entry.lease;
    if (reuse !== null) this.retained.use(reuse);
    const evicted = this.retained.makeRoom(lease, demand.blocks, keep);
    try {
      this.pool.resize(lease, demand.blocks, keep);
    } catch (error) {
      this.pool.free(lease);
      throw error;
    }
    return { lease, reuse, evicted };
  }

  /** The lease of a running sequence comes to cover `tokens`; the sequences that made way are the caller's to drop. Null = there is no room. */
  grow(lease: BlockLease, tokens: number): readonly RetainedSequence[] | null {
    const counts = this.blocksFor(tokens);
    const keep = countsOf(lease);
    if (!this.pool.canResize(lease, counts, keep, this.retained.reclaimable(lease, keep))) return null;
    const evicted = this.retained.makeRoom(lease, counts, keep);
    this.pool.resize(lease, counts);
    return evicted;
  }

  /** A lease for a fork of `tokens` tokens at rest; null where there is no room for what it does not share. */
  forkLease(source: BlockLease, tokens: number): BlockLease | null {
    const keep = this.retained.sharedBlocks(tokens);
    const lease = this.pool.fork(source, keep);
    const counts = this.#cache.blocksFor(tokens, this.#limits.retention.windowSlackTokens);
    if (this.pool.canResize(lease, counts, keep)) {
      this.pool.resize(lease, counts, keep);
      return lease;
    }
    this.pool.free(lease);
    return null;
  }

  /** The lease of a sequence that came to rest with `tokens` shrinks to what it holds. */
  settle(lease: BlockLease, tokens: number): void {
    this.pool.resize(lease, this.#cache.blocksFor(tokens, this.#limits.retention.windowSlackTokens));
  }

  status(): Pick<EngineStatus, 'retained' | 'kv'> {
    const pool = this.pool.counts();
    const { size: sequences, tokens, bytes, ownBytes } = this.retained;
    return {
      retained: { sequences, tokens, bytes },
      kv: { ...pool, runningBytes: pool.usedBytes - ownBytes, bytesPerToken: this.#cache.bytesPerToken },
    };
  }

  /** Throws when an invariant does not hold; `others` hold what neither runs nor is kept, `running` is how many run. */
  checkIntegrity(running: number, others: Iterable<BlockLease>): void {
    this.pool.checkIntegrity();
    this.retained.checkIntegrity();
    const known = this.#cache.bytesOf(this.pool.heldOnlyBy([...Array.from(this.retained.kept(), ({ lease }) => lease), ...others]));
    const { usedBytes } = this.pool.counts();
    if (running === 0 && usedBytes !== known) {
      throw new Error(`[kv_memory] integrity: nothing runs, ${usedBytes} bytes are in use, ${known} are kept or on their way to disk`);
    }
  }

  /** Asked again and again while a request waits: remembered until something changes. */
  #find({ prompt, scope, sessionId, mayCut }: Demand): Reuse | null {
    if (prompt === null) return null;
    const { version } = this.retained;
    if (this.#found?.prompt !== prompt || this.#found.version !== version) {
      this.#found = { prompt, version, reuse: this.retained.find(prompt, { scope, sessionId }, mayCut) };
    }
    return this.#found.reuse;
  }
}
