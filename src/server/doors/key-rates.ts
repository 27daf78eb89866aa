/** The limits of API keys as the doors ask for them: whose budget a request is of, and the clock it goes by. */
import type { KnownKey } from '../../adapters/keys/key-ring.js';
import { type RateBudget, RateBook, type RateLimits } from '../../core/domain/rate-limits.js';

export interface KeyRatesOptions {
  /** Of keys that have none of their own. */
  readonly limits: RateLimits;
  /** Told of each request that is refused. */
  readonly refused: () => void;
  /** Milliseconds from any one start. */
  readonly now?: () => number;
}

/** Keys on file are made by the user of the daemon: there are never so many. */
const MOST_KEYS = 10_000;

/** All who show no key that is on file: who may make keys up could otherwise have a new budget for each request. */
const STRANGERS = '';

export class KeyRates {
  readonly now: () => number;
  readonly refused: () => void;
  readonly #book = new RateBook(MOST_KEYS);
  #limits: RateLimits;

  constructor({ limits, refused, now = () => performance.now() }: KeyRatesOptions) {
    this.#limits = limits;
    this.refused = refused;
    this.now = now;
  }

  /** From the next request on. */
  setLimits(limits: RateLimits): void {
    this.#limits = limits;
  }

  /** Null = a request that shows no key on file. */
  budgetOf(key: KnownKey | null): RateBudget {
    const { requestsPerMinute, tokensPerMinute } = this.#limits;
    const limits = {
      requestsPerMinute: key?.requestsPerMinute ?? requestsPerMinute,
      tokensPerMinute: key?.tokensPerMinute ?? tokensPerMinute,
    };
    return this.#book.of(key?.sha256 ?? STRANGERS, limits, this.now());
  }
}
