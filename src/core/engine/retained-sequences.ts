/**
 * Sequences of finished requests, kept so that the next turn need not prefill what they hold. The pool counts their blocks, the index
 * finds them by their tokens, the policy says which go; none of the three knows another. Token ids alone decide what is reused.
 */
import { type BlockLease, type BlockPool, countsOf } from '../domain/block-pool.js';
import { commonPrefix } from '../domain/common-prefix.js';
import { EvictionPolicy } from '../domain/eviction-policy.js';
import type { BlockCounts, ModelCacheSpec } from '../domain/model-cache-spec.js';
import { PrefixIndex } from '../domain/prefix-index.js';
import { sha256 } from './sha256.js';

export interface RetentionLimits {
  readonly maxSequences: number;
  readonly maxBytes: number;
  /** What a windowed layer of a sequence at rest may hold beyond its window. */
  readonly windowSlackTokens: number;
  /** A session cuts a sequence of its own only if it keeps at least this share of it; else it forks it. */
  readonly minReuseShare: number;
  /** A sequence that waits for a tool's result counts as used this many sequences later. */
  readonly toolWaitBonus: number;
}

export interface RetainedSequence {
  readonly sequence: number;
  /** What its KV holds, in order. */
  readonly tokens: Int32Array;
  readonly sessionId: string | null;
  /** Its client has tools to run, and comes back with what they gave. */
  readonly awaitsTool: boolean;
  readonly lease: BlockLease;
}

export interface Reuse {
  readonly entry: RetainedSequence;
  readonly sharedTokens: number;
  /** The entry stays kept, for others: fork it. Otherwise it was taken out: cut it and go on with it. */
  readonly fork: boolean;
}

type Match = Omit<Reuse, 'fork'>;

/** Until requests carry keys, all are of one. */
const SCOPE = 'local';

export class RetainedSequences {
  readonly #limits: RetentionLimits;
  readonly #spec: ModelCacheSpec;
  readonly #pool: BlockPool;
  readonly #index: PrefixIndex;
  readonly #policy = new EvictionPolicy();
  /** By sequence, oldest first. */
  readonly #kept = new Map<number, RetainedSequence>();
  readonly #bySession = new Map<string, Set<number>>();

  constructor(limits: RetentionLimits, spec: ModelCacheSpec, pool: BlockPool, fingerprint: string) {
    this.#limits = limits;
    this.#spec = spec;
    this.#pool = pool;
    this.#index = new PrefixIndex(fingerprint, sha256);
  }

  get size(): number {
    return this.#kept.size;
  }

  get tokens(): number {
    return [...this.#kept.values()].reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  get bytes(): number {
    return this.#spec.bytesOf(this.blocks());
  }

  /** Blocks that come back when all go. */
  blocks(): BlockCounts {
    const sum = this.#spec.kinds.map(() => 0);
    for (const { lease } of this.#kept.values()) countsOf(lease).forEach((count, i) => (sum[i]! += count));
    return sum;
  }

  /** Its lease shrinks to what is held. Returns the sequences that no longer fit (perhaps the new one itself): the caller drops them. */
  retain(entry: RetainedSequence): number[] {
    const { sequence, tokens, sessionId, lease } = entry;
    this.#pool.resize(lease, this.#spec.blocksFor(tokens.length, this.#limits.windowSlackTokens));
    const superseded = this.#containedIn(tokens);
    for (const old of superseded) this.#pool.free(this.#remove(old).lease);
    this.#kept.set(sequence, entry);
    this.#index.add(sequence, SCOPE, tokens);
    this.#policy.use(sequence, entry.awaitsTool ? this.#limits.toolWaitBonus : 0);
    if (sessionId !== null) this.#bySession.set(sessionId, (this.#bySession.get(sessionId) ?? new Set()).add(sequence));
    const { maxSequences, maxBytes } = this.#limits;
    return [...superseded, ...this.#evictUntil(() => this.size <= maxSequences && this.bytes <= maxBytes)];
  }

  /**
   * The sequence that shares most with `prompt`, and how many leading tokens that is (< prompt.length). A session takes out what it
   * continues itself, and anyone what is nobody's and goes on whole; of all others there are forks, so that a system prompt of one
   * serves all and nobody's conversation is cut.
   */
  take(prompt: Int32Array, sessionId: string | null): Reuse | null {
    const needed = prompt.subarray(0, -1); // at least one token is prefilled
    const own = this.#ofSession(needed, sessionId);
    const any = this.#ofAnyone(needed);
    const found = own !== null && own.sharedTokens >= (any?.sharedTokens ?? 0) ? own : any;
    if (found === null) return null;
    const { entry, sharedTokens } = found;
    const mayCut = found === own && sharedTokens >= entry.tokens.length * this.#limits.minReuseShare;
    const fork = !mayCut && !(entry.sessionId === null && sharedTokens === entry.tokens.length);
    if (fork) this.#policy.use(entry.sequence, entry.awaitsTool ? this.#limits.toolWaitBonus : 0);
    else this.#remove(entry.sequence);
    return { entry, sharedTokens, fork };
  }

  /** Lets sequences go until the pool has room for `counts` beside what is held; returns what the caller must drop. */
  makeRoom(counts: BlockCounts, held: BlockCounts): number[] {
    return this.#evictUntil(() => this.#pool.canAllocate(counts, held));
  }

  /** Lets all go; the caller drops them. */
  clear(): number[] {
    return this.#evictUntil(() => false);
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    this.#index.checkIntegrity();
    const fail = (what: string): never => {
      throw new Error(`[retained] integrity: ${what}`);
    };
    if (this.#index.size !== this.size) fail(`${this.size} sequences, ${this.#index.size} in the index`);
    const sessions = [...this.#bySession.values()].reduce((sum, { size }) => sum + size, 0);
    const withSession = [...this.#kept.values()].filter(({ sessionId }) => sessionId !== null).length;
    if (sessions !== withSession) fail(`${withSession} sequences have a session, ${sessions} are listed`);
    if (this.size > this.#limits.maxSequences) fail(`${this.size} sequences of ${this.#limits.maxSequences}`);
    if (this.bytes > this.#limits.maxBytes) fail(`${this.bytes} bytes of ${this.#limits.maxBytes}`);
  }

  #ofSession(tokens: Int32Array, sessionId: string | null): Match | null {
    let best: Match | null = null;
    for (const sequence of this.#bySession.get(sessionId ?? '') ?? []) {
      const entry = this.#entry(sequence);
      const sharedTokens = commonPrefix(entry.tokens, tokens);
      if (sharedTokens > 0 && sharedTokens >= (best?.sharedTokens ?? 0)) best = { entry, sharedTokens };
    }
    return best;
  }

  /** Of those that share the most the one that loses least when it is cut to that. */
  #ofAnyone(tokens: Int32Array): Match | null {
    let best: Match | null = null;
    for (const { id, sharedTokens } of this.#index.matches(SCOPE, tokens)) {
      if (best !== null && sharedTokens < best.sharedTokens) break;
      const entry = this.#entry(id);
      if (best === null || entry.tokens.length < best.entry.tokens.length) best = { entry, sharedTokens };
    }
    return best;
  }

  #containedIn(tokens: Int32Array): number[] {
    const matches = [...this.#index.matches(SCOPE, tokens)];
    return matches.filter(({ id, sharedTokens }) => sharedTokens === this.#entry(id).tokens.length).map(({ id }) => id);
  }

  #evictUntil(enough: () => boolean): number[] {
    const evicted: number[] = [];
    while (!enough()) {
      const sequence = this.#policy.next();
      if (sequence === null) break;
      this.#pool.free(this.#remove(sequence).lease);
      evicted.push(sequence);
    }
    return evicted;
  }

  #remove(sequence: number): RetainedSequence {
    const entry = this.#entry(sequence);
    this.#kept.delete(sequence);
    this.#index.remove(sequence);
    this.#policy.remove(sequence);
    if (entry.sessionId !== null) {
      const ofSession = this.#bySession.get(entry.sessionId);
      ofSession?.delete(sequence);
      if (ofSession?.size === 0) this.#bySession.delete(entry.sessionId);
    }
    return entry;
  }

  #entry(sequence: number): RetainedSequence {
    const entry = this.#kept.get(sequence);
    if (entry === undefined) throw new Error(`[retained] sequence ${sequence} is not kept`);
    return entry;
  }
}
