/** Figures of the last milliseconds: each is forgotten when its time is over. Times come from the caller and never go back. */

/** Null where nothing was measured. */
export interface Spread {
  readonly p50: number | null;
  readonly p95: number | null;
}

export class Recent {
  readonly #spanMs: number;
  readonly #most: number;
  #times: number[] = [];
  #values: number[] = [];

  /** Keeps figures of `spanMs`, of which there are `most` at most: the newest count. */
  constructor(spanMs: number, most: number) {
    this.#spanMs = spanMs;
    this.#most = most;
  }

  add(now: number, value: number): void {
    this.#times.push(now);
    this.#values.push(value);
    // Rarely, so that adding costs the same on average however many there are.
    if (this.#times.length >= 2 * this.#most) this.#forget(now);
  }

  sum(now: number): number {
    return this.#current(now).reduce((sum, value) => sum + value, 0);
  }

  /** Null where nothing was measured. */
  mean(now: number): number | null {
    const values = this.#current(now);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  spread(now: number): Spread {
    const sorted = this.#current(now).sort((a, b) => a - b);
    return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
  }

  #current(now: number): number[] {
    this.#forget(now);
    return [...this.#values];
  }

  #forget(now: number): void {
    const firstKept = this.#times.findIndex((time) => time > now - this.#spanMs);
    const gone = Math.max(firstKept < 0 ? this.#times.length : firstKept, this.#times.length - this.#most);
    this.#times = this.#times.slice(gone);
    this.#values = this.#values.slice(gone);
  }
}

/** Of ascending values the one that a share of them does not pass (nearest rank). */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
