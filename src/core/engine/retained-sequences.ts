/**
 * Sequences whose KV a later request may go on from: those of finished requests, kept for the next turn, and those that run, of which
 * others may fork what is there. The pool counts their blocks, the index finds them by their tokens, the policy says which go; none of
 * the three knows another. Token ids alone decide what is reused.
 */
import type { BlockLease, BlockPool } from '../domain/block-pool.js';
import { commonPrefix } from '../domain/common-prefix.js';
import { EvictionPolicy } from '../domain/eviction-policy.js';
import { BLOCK_TOKENS, type BlockCounts, type ModelCacheSpec } from '../domain/model-cache-spec.js';
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
  /** Where windowed layers forget, so many older ends of a session's turns are kept to go back to. */
  readonly restorePoints: number;
}

/** Whose KV it is: nobody finds that of another scope, and a session has a first claim on its own. */
export interface Identity {
  readonly scope: string;
  /** Null = nobody's in particular. */
  readonly sessionId: string | null;
}

export interface RetainedSequence extends Identity {
  readonly sequence: number;
  /** What its KV holds, in order. */
  readonly tokens: Int32Array;
  /** Its client has tools to run, and comes back with what they gave. */
  readonly awaitsTool: boolean;
  /** Never evicted. */
  readonly pinned: boolean;
  /** Of a request beside a conversation: it goes before others. */
  readonly passing?: boolean;
  readonly lease: BlockLease;
}

/** A sequence that runs: its prompt, and how much of it is in the KV by now. */
export interface LentSequence extends Identity {
  readonly sequence: number;
  readonly tokens: Int32Array;
  readonly lease: BlockLease;
  numKvTokens(): number;
}

export interface Reuse {
  readonly entry: RetainedSequence | LentSequence;
  readonly sharedTokens: number;
  /** The entry stays, for others: fork it. Otherwise it is taken out: cut it and go on with it. */
  readonly fork: boolean;
}

type Match = Omit<Reuse, 'fork'>;

export class RetainedSequences {
  readonly #limits: RetentionLimits;
  readonly #spec: ModelCacheSpec;
  readonly #pool: BlockPool;
  readonly #index: PrefixIndex;
  readonly #policy = new EvictionPolicy();
  /** By sequence, oldest first. */
  readonly #kept = new Map<number, RetainedSequence>();
  readonly #lent = new Map<number, LentSequence>();
  readonly #bySession = new Map<string, Set<number>>();
  #version = 0;

  /** `onEvicted` is told how many made way. */
  constructor(
    limits: RetentionLimits,
    spec: ModelCacheSpec,
    pool: BlockPool,
    fingerprint: string,
    private readonly onEvicted: (sequences: number) => void = () => undefined,
  ) {
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

  /** Of the blocks that kept sequences hold; also where a fork that runs, or a write to disk, holds them too: these end without asking. */
  get bytes(): number {
    return this.#spec.bytesOf(this.#pool.heldBy(leasesOf(this.#kept.values())));
  }

  /** Of the blocks that nobody else holds. */
  get ownBytes(): number {
    return this.#spec.bytesOf(this.#pool.heldOnlyBy(leasesOf(this.#kept.values())));
  }

  /** Changes whenever an answer of `find` may. */
  get version(): number {
    return this.#version;
  }

  kept(): Iterable<RetainedSequence> {
    return this.#kept.values();
  }

  /** Of one session, the one kept last. */
  keptOf(identity: Identity): RetainedSequence | null {
    const sequences = [...(this.#bySession.get(sessionKey(identity) ?? '') ?? [])];
    return sequences.length === 0 ? null : this.#entry(sequences.at(-1)!);
  }

  /** Whole blocks that a fork of the first `tokens` shares for good; windowed layers move on, so none of theirs. */
  sharedBlocks(tokens: number): BlockCounts {
    return this.#spec.kinds.map(({ window }) => (window === null ? Math.floor(tokens / BLOCK_TOKENS) : 0));
  }

  /** Blocks that come back when all that may be evicted go, except for the first `keep` of `stays`. */
  reclaimable(stays: BlockLease | null, keep: BlockCounts): BlockCounts {
    return this.#pool.heldOnlyBy(leasesOf([...this.#kept.values()].filter(({ pinned }) => !pinned)), stays, keep);
  }

  /** Its lease holds what the sequence does, no more. Returns those that no longer fit (perhaps the new one itself): the caller drops them. */
  retain(entry: RetainedSequence): RetainedSequence[] {
    const { sequence, tokens, scope } = entry;
    const superseded = this.#supersededBy(entry);
    for (const old of superseded) this.#pool.free(this.#remove(old.sequence).lease);
    this.#kept.set(sequence, entry);
    this.#index.add(sequence, scope, tokens);
    this.#policy.use(sequence, this.#bonusOf(entry));
    this.#policy.pin(sequence, entry.pinned);
    const key = sessionKey(entry);
    if (key !== null) this.#bySession.set(key, (this.#bySession.get(key) ?? new Set()).add(sequence));
    this.#version += 1;
    return [...superseded, ...this.#evictBeyondLimits()];
  }

  /** From now on others may fork what the running sequence has read. */
  lend(lent: LentSequence): void {
    this.#lent.set(lent.sequence, lent);
    this.#index.add(lent.sequence, lent.scope, lent.tokens);
    this.#version += 1;
  }

  endLending(sequence: number): void {
    if (!this.#lent.delete(sequence)) return;
    this.#index.remove(sequence);
    this.#version += 1;
  }

  /**
   * The sequence that shares most with `prompt`, and how many leading tokens that is (< prompt.length). A session goes on with what it
   * left itself, and anyone with what is nobody's and goes on whole; of all others there are forks, so that a system prompt of one
   * serves all and nobody's conversation is cut; where not `mayCut`, the session's own neither. Never mutates.
   */
  find(prompt: Int32Array, identity: Identity, mayCut = true): Reuse | null {
    const needed = prompt.subarray(0, -1); // at least one token is prefilled
    const own = this.#ofSession(needed, identity);
    const any = this.#ofAnyone(needed, identity.scope);
    const found = own !== null && own.sharedTokens >= (any?.sharedTokens ?? 0) ? own : any;
    if (found === null) return null;
    const { entry, sharedTokens } = found;
    if (!this.#kept.has(entry.sequence)) return { ...found, fork: true };
    const whole = sharedTokens === entry.tokens.length;
    const cuts = mayCut && found === own && sharedTokens >= entry.tokens.length * this.#limits.minReuseShare;
    const goesOn = found === own && whole;
    const leavesRestorePoint = this.#spec.isWindowed && found === own && this.#limits.restorePoints > 0;
    return { ...found, fork: leavesRestorePoint || !(cuts || goesOn || (entry.sessionId === null && whole)) };
  }

  /**
   * The running sequence that will share most with `prompt` once its own is in, how much that will be, and what kept ones share already;
   * null where no running one shares anything.
   */
  coming(
    prompt: Int32Array,
    scope: string,
  ): { readonly entry: LentSequence; readonly sharedTokens: number; readonly keptTokens: number } | null {
    const needed = prompt.subarray(0, -1);
    let best: { readonly entry: LentSequence; readonly sharedTokens: number } | null = null;
    let keptTokens = 0;
    for (const { id, sharedTokens } of this.#index.matches(scope, needed)) {
      const entry = this.#lent.get(id);
      if (entry === undefined) keptTokens = Math.max(keptTokens, sharedTokens);
      else if (best === null || sharedTokens > best.sharedTokens) best = { entry, sharedTokens };
    }
    return best === null ? null : { ...best, keptTokens };
  }

  /** Takes out what `find` gave to go on with; what is to be forked counts as used. */
  use({ entry, fork }: Reuse): void {
    const kept = this.#kept.get(entry.sequence);
    if (kept === undefined) return;
    if (fork) this.#policy.use(kept.sequence, this.#bonusOf(kept));
    else this.#remove(kept.sequence);
  }

  /** Lets sequences go until `lease` can be resized; returns what the caller must drop. */
  makeRoom(lease: BlockLease, counts: BlockCounts, keep: BlockCounts): RetainedSequence[] {
    return this.#evictUntil(() => this.#pool.canResize(lease, counts, keep));
  }

  /** Lets sequences go until the pool uses no more than so many bytes, or only pinned ones are left; returns what the caller must drop. */
  shrinkPool(bytes: number): RetainedSequence[] {
    return this.#evictUntil(() => this.#pool.counts().usedBytes <= bytes);
  }

  /** Lets go of what `which` says, pinned or not; the caller drops them. */
  release(which: (entry: RetainedSequence) => boolean): RetainedSequence[] {
    const gone = [...this.#kept.values()].filter(which);
    for (const { sequence } of gone) this.#pool.free(this.#remove(sequence).lease);
    return gone;
  }

  /** Returns those that no longer fit, since what was pinned counts again: the caller drops them. */
  pin(identity: Identity, pinned: boolean): RetainedSequence[] {
    for (const sequence of this.#bySession.get(sessionKey(identity) ?? '') ?? []) {
      this.#kept.set(sequence, { ...this.#entry(sequence), pinned });
      this.#policy.pin(sequence, pinned);
    }
    this.#version += 1;
    return this.#evictBeyondLimits();
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    this.#index.checkIntegrity();
    const fail = (what: string): never => {
      throw new Error(`[retained] integrity: ${what}`);
    };
    if (this.#index.size !== this.size + this.#lent.size) {
      fail(`${this.size} sequences kept, ${this.#lent.size} lent, ${this.#index.size} in the index`);
    }
    const sessions = [...this.#bySession.values()].reduce((sum, { size }) => sum + size, 0);
    const withSession = [...this.#kept.values()].filter(({ sessionId }) => sessionId !== null).length;
    if (sessions !== withSession) fail(`${withSession} sequences have a session, ${sessions} are listed`);
    const pinned = [...this.#kept.values()].filter((entry) => entry.pinned).length;
    if (this.size > Math.max(this.#limits.maxSequences, pinned)) fail(`${this.size} sequences of ${this.#limits.maxSequences}`);
    if (pinned === 0 && this.bytes > this.#limits.maxBytes) fail(`${this.bytes} bytes of ${this.#limits.maxBytes}`);
  }

  /** What passes by counts as used a whole memory of sequences earlier. */
  #bonusOf({ awaitsTool, passing }: RetainedSequence): number {
    const { maxSequences, toolWaitBonus } = this.#limits;
    return passing === true ? -maxSequences : awaitsTool ? toolWaitBonus : 0;
  }

  /** Of so many shared tokens, those that a fork can have: where layers recur, nothing but a whole sequence at rest. */
  #usable(entry: RetainedSequence | LentSequence, sharedTokens: number): number {
    if (!this.#spec.recurs) return sharedTokens;
    return this.#kept.has(entry.sequence) && sharedTokens === entry.tokens.length ? sharedTokens : 0;
  }

  #ofSession(tokens: Int32Array, identity: Identity): Match | null {
    let best: Match | null = null;
    for (const sequence of this.#bySession.get(sessionKey(identity) ?? '') ?? []) {
      const entry = this.#entry(sequence);
      const sharedTokens = this.#usable(entry, commonPrefix(entry.tokens, tokens));
      if (sharedTokens > 0 && sharedTokens >= (best?.sharedTokens ?? 0)) best = { entry, sharedTokens };
    }
    return best;
  }

  /** Of those that share the most the one that loses least when it is cut to that. */
  #ofAnyone(tokens: Int32Array, scope: string): Match | null {
    let best: Match | null = null;
    for (const { id, sharedTokens } of this.#index.matches(scope, tokens)) {
      if (best !== null && sharedTokens < best.sharedTokens) break;
      const lent = this.#lent.get(id);
      const entry = lent ?? this.#entry(id);
      const shared = this.#usable(entry, lent === undefined ? sharedTokens : Math.min(sharedTokens, lent.numKvTokens()));
      if (shared === 0 || shared < (best?.sharedTokens ?? 0)) continue;
      if (best === null || shared > best.sharedTokens || entry.tokens.length < best.entry.tokens.length)
        best = { entry, sharedTokens: shared };
    }
    return best;
  }

  /** What a new entry holds too, of the same session or of nobody; of windowed layers the last restore points stay. */
  #supersededBy({ scope, sessionId, tokens }: RetainedSequence): RetainedSequence[] {
    const contained = [...this.#index.matches(scope, tokens)].flatMap(({ id, sharedTokens }) => {
      const entry = this.#kept.get(id);
      const replaced = entry !== undefined && (entry.sessionId === sessionId || entry.sessionId === null);
      return replaced && sharedTokens === entry.tokens.length ? [entry] : [];
    });
    if (!this.#spec.isWindowed || (sessionId === null && !this.#spec.recurs)) return contained;
    const points = contained.filter((entry) => entry.sessionId === sessionId).sort((a, b) => b.tokens.length - a.tokens.length);
    const stay = new Set(points.slice(0, this.#limits.restorePoints));
    return contained.filter((entry) => !stay.has(entry));
  }

  #evictBeyondLimits(): RetainedSequence[] {
    const { maxSequences, maxBytes } = this.#limits;
    return this.#evictUntil(() => this.size <= maxSequences && this.bytes <= maxBytes);
  }

  #evictUntil(enough: () => boolean): RetainedSequence[] {
    const evicted: RetainedSequence[] = [];
    while (!enough()) {
      const sequence = this.#policy.next();
      if (sequence === null) break;
      const entry = this.#remove(sequence);
      this.#pool.free(entry.lease);
      evicted.push(entry);
    }
    if (evicted.length > 0) this.onEvicted(evicted.length);
    return evicted;
  }

  #remove(sequence: number): RetainedSequence {
    const entry = this.#entry(sequence);
    this.#kept.delete(sequence);
    this.#index.remove(sequence);
    this.#policy.remove(sequence);
    const key = sessionKey(entry);
    if (key !== null) {
      const ofSession = this.#bySession.get(key);
      ofSession?.delete(sequence);
      if (ofSession?.size === 0) this.#bySession.delete(key);
    }
    this.#version += 1;
    return entry;
  }

  #entry(sequence: number): RetainedSequence {
    const entry = this.#kept.get(sequence);
    if (entry === undefined) throw new Error(`[retained] sequence ${sequence} is not kept`);
    return entry;
  }
}

function sessionKey({ scope, sessionId }: Identity): string | null {
  return sessionId === null ? null : `${scope}\n${sessionId}`;
}

function leasesOf(entries: Iterable<RetainedSequence>): BlockLease[] {
  return Array.from(entries, ({ lease }) => lease);
}
