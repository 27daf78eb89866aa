/** The KV of running and of kept sequences: one pool counts both, so that what is kept makes way for what runs. */
import { type BlockLease, BlockPool, countsOf } from '../domain/block-pool.js';
import type { BlockCounts, ModelCacheSpec } from '../domain/model-cache-spec.js';
import type { EngineStatus } from './engine-status.js';
import { type RetainedSequence, RetainedSequences, type RetentionLimits, type Reuse } from './retained-sequences.js';

export interface KvLimits {
  /** KV of running and of kept sequences together. */
  readonly kvBudgetBytes: number;
  /** What a windowed layer of a running sequence may hold beyond its window. */
  readonly windowSlackTokens: number;
  readonly retention: RetentionLimits;
}

export interface Claim {
  readonly lease: BlockLease;
  /** The kept sequence that goes on, taken out; or the one to fork, which stays unless it is among the evicted. */
  readonly reuse: Reuse | null;
  /** Sequences that made way: the caller drops them. */
  readonly evicted: readonly number[];
}

export class KvMemory {
  readonly pool: BlockPool;
  readonly #cache: ModelCacheSpec;
  readonly #limits: KvLimits;
  readonly #retained: RetainedSequences;

  constructor(cache: ModelCacheSpec, limits: KvLimits, fingerprint: string) {
    this.#cache = cache;
    this.#limits = limits;
    this.pool = new BlockPool(cache, { bytes: limits.kvBudgetBytes });
    this.#retained = new RetainedSequences(limits.retention, cache, this.pool, fingerprint);
  }

  /** What a running sequence of so many tokens has set aside. */
  blocksFor(tokens: number): BlockCounts {
    return this.#cache.blocksFor(tokens, this.#limits.windowSlackTokens);
  }

  /** Blocks that come back when all kept sequences go. */
  reclaimable(): BlockCounts {
    return this.#retained.blocks();
  }

  /**
   * Blocks for a request that the pool has room for once kept sequences make way: those of the one that `prompt` continues, resized, or
   * new ones. Throws PoolExhausted for any other request.
   */
  claim(blocks: BlockCounts, prompt: Int32Array | null, sessionId: string | null): Claim {
    const reuse = prompt === null ? null : this.#retained.take(prompt, sessionId);
    const lease = reuse !== null && !reuse.fork ? reuse.entry.lease : this.pool.allocate([]);
    const evicted = this.#retained.makeRoom(blocks, countsOf(lease));
    this.pool.resize(lease, blocks);
    return { lease, reuse, evicted };
  }

  /** Returns the sequences that no longer fit, perhaps this one: the caller drops them. */
  retain(entry: RetainedSequence): number[] {
    return this.#retained.retain(entry);
  }

  /** Lets all kept sequences go; the caller drops them. */
  clear(): number[] {
    return this.#retained.clear();
  }

  status(): Pick<EngineStatus, 'retained' | 'kv'> {
    const pool = this.pool.counts();
    const { size: sequences, tokens, bytes } = this.#retained;
    return {
      retained: { sequences, tokens, bytes },
      kv: { ...pool, runningBytes: pool.usedBytes - bytes, bytesPerToken: this.#cache.bytesPerToken },
    };
  }

  /** Throws when an invariant does not hold; `running` is how many sequences hold blocks and are not kept. */
  checkIntegrity(running: number): void {
    this.pool.checkIntegrity();
    this.#retained.checkIntegrity();
    const { usedBytes } = this.pool.counts();
    if (running === 0 && usedBytes !== this.#retained.bytes) {
      throw new Error(`[kv_memory] integrity: nothing runs, ${usedBytes} bytes are in use, ${this.#retained.bytes} are kept`);
    }
  }
}
