/** What API keys may ask for in a minute, and what they have left of it. Knows no clock: `now` is in milliseconds. */
import { TokenBucket } from './token-bucket.js';

/** 0 = no limit. */
export interface RateLimits {
  readonly requestsPerMinute: number;
  /** Computed of prompts and generated; tokens of which the KV was there are free. */
  readonly tokensPerMinute: number;
}

/** What one key has left; null where that is not limited. */
export interface RateBudget {
  readonly requests: TokenBucket | null;
  readonly tokens: TokenBucket | null;
}

export class RateBook {
  readonly #mostKeys: number;
  readonly #budgets = new Map<string, RateBudget>();

  /** Of no more keys than `mostKeys` anything is remembered. */
  constructor(mostKeys: number) {
    this.#mostKeys = mostKeys;
  }

  get size(): number {
    return this.#budgets.size;
  }

  /** What `key` has left under `limits`, which may be others than before. */
  of(key: string, limits: RateLimits, now: number): RateBudget {
    const before = this.#budgets.get(key);
    const budget = {
      requests: under(before?.requests ?? null, limits.requestsPerMinute, now),
      tokens: under(before?.tokens ?? null, limits.tokensPerMinute, now),
    };
    if (budget.requests === null && budget.tokens === null) this.#budgets.delete(key);
    else {
      if (before === undefined && this.#budgets.size >= this.#mostKeys) this.#forgetFullest(now);
      this.#budgets.set(key, budget);
    }
    return budget;
  }

  /** One that is full is as one that was never there; of others the one that misses least is given what it misses. */
  #forgetFullest(now: number): void {
    let [fullest, shortestMs] = ['', Infinity];
    for (const [key, { requests, tokens }] of this.#budgets) {
      const ms = Math.max(requests?.fullInMs(now) ?? 0, tokens?.fullInMs(now) ?? 0);
      if (ms < shortestMs) [fullest, shortestMs] = [key, ms];
    }
    this.#budgets.delete(fullest);
  }
}

function under(bucket: TokenBucket | null, perMinute: number, now: number): TokenBucket | null {
  if (perMinute === 0) return null;
  if (bucket === null) return new TokenBucket(perMinute, now);
  if (bucket.perMinute !== perMinute) bucket.setRate(perMinute, now);
  return bucket;
}
