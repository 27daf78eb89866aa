/**
 * So much a minute, of which a whole minute's worth may come at once. What it counts may be requests or tokens of text. Knows no clock:
 * `now` is in milliseconds from any one start, and counts as standing still where it goes back.
 */
export class TokenBucket {
  #perMinute: number;
  /** Below 0 where more was taken than there was. */
  #level: number;
  #at: number;

  /** Full. `perMinute` > 0. */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute;
    this.#level = perMinute;
    this.#at = now;
  }

  get perMinute(): number {
    return this.#perMinute;
  }

  /** What is missing is not given by a change: there is as much as before, or as much as fits. */
  setRate(perMinute: number, now: number): void {
    this.#fill(now);
    this.#perMinute = perMinute;
    this.#level = Math.min(this.#level, perMinute);
  }

  /** Whole ones that are there, >= 0. */
  left(now: number): number {
    this.#fill(now);
    return Math.max(0, Math.floor(this.#level + ROUNDING));
  }

  /** Takes them, also where they are not there: what was used is known only afterwards. */
  take(units: number, now: number): void {
    this.#fill(now);
    this.#level -= units;
  }

  /** Milliseconds until there is one. */
  openInMs(now: number): number {
    return this.#inMs(1, now);
  }

  /** Milliseconds until it is full. */
  fullInMs(now: number): number {
    return this.#inMs(this.#perMinute, now);
  }

  #inMs(wanted: number, now: number): number {
    this.#fill(now);
    const missing = wanted - this.#level;
    return missing <= ROUNDING ? 0 : Math.round((missing * MINUTE_MS) / this.#perMinute / ROUNDING) * ROUNDING;
  }

  #fill(now: number): void {
    const elapsed = Math.max(0, now - this.#at);
    this.#at = Math.max(this.#at, now);
    this.#level = Math.min(this.#perMinute, this.#level + (elapsed * this.#perMinute) / MINUTE_MS);
  }
}

const MINUTE_MS = 60_000;

/** Sums of many small fillings come out a little low: who waits as long as told must not be refused for that. */
const ROUNDING = 1e-6;
