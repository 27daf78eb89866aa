/**
 * Sequences of finished requests, kept so that the next turn need not prefill what they hold. Least recently used go
 * first; bounds are a count and KV tokens. Token ids are compared one by one: nothing else ever decides what is reused.
 */
export interface RetentionLimits {
  readonly maxSequences: number;
  readonly maxTokens: number;
  /** KV buffers grow in multiples of this many tokens; what is kept is counted in whole buffers. */
  readonly blockTokens: number;
  /** A request of another session takes a sequence only if it keeps at least this share of it. */
  readonly minReuseShare: number;
}

export interface RetainedSequence {
  readonly sequence: number;
  /** What its KV holds, in order. */
  readonly tokens: Int32Array;
  readonly sessionId: string | null;
}

export class RetainedSequences {
  readonly #limits: RetentionLimits;
  /** Oldest first. */
  #kept: RetainedSequence[] = [];

  constructor(limits: RetentionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** KV tokens held, in whole buffers. */
  get tokens(): number {
    const { blockTokens } = this.#limits;
    return this.#kept.reduce((sum, { tokens }) => sum + Math.ceil(tokens.length / blockTokens) * blockTokens, 0);
  }

  /** Returns the sequences that no longer fit (perhaps the new one itself): the caller drops them. */
  retain(entry: RetainedSequence): RetainedSequence[] {
    const superseded = this.#kept.filter((kept) => commonPrefix(kept.tokens, entry.tokens) === kept.tokens.length);
    this.#kept = this.#kept.filter((kept) => !superseded.includes(kept));
    this.#kept.push(entry);
    return [...superseded, ...this.shrinkTo(this.#limits.maxTokens, this.#limits.maxSequences)];
  }

  /** Takes out the sequence best continued by `prompt`, and how many leading tokens the two share (< prompt.length). */
  take(prompt: Int32Array, sessionId: string | null): { entry: RetainedSequence; sharedTokens: number } | null {
    let best: { entry: RetainedSequence; sharedTokens: number; own: boolean } | null = null;
    for (const entry of this.#kept) {
      const sharedTokens = Math.min(commonPrefix(entry.tokens, prompt), prompt.length - 1);
      const own = sessionId !== null && entry.sessionId === sessionId;
      if (sharedTokens === 0 || (!own && sharedTokens < entry.tokens.length * this.#limits.minReuseShare)) continue;
      const better = best === null || (own !== best.own ? own : sharedTokens >= best.sharedTokens);
      if (better) best = { entry, sharedTokens, own };
    }
    if (best === null) return null;
    const { entry, sharedTokens } = best;
    this.#kept = this.#kept.filter((kept) => kept !== entry);
    return { entry, sharedTokens };
  }

  /** Lets the oldest go until the rest fits; returns what the caller must drop. */
  shrinkTo(maxTokens: number, maxSequences = this.#limits.maxSequences): RetainedSequence[] {
    const dropped: RetainedSequence[] = [];
    while (this.#kept.length > 0 && (this.#kept.length > maxSequences || this.tokens > maxTokens)) {
      dropped.push(this.#kept.shift() as RetainedSequence);
    }
    return dropped;
  }
}

export function commonPrefix(a: Int32Array, b: Int32Array): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a[i] === b[i]) i += 1;
  return i;
}
