/** The times of one request: milliseconds of the engine's timer. */
import type { Meter } from './meter.js';

export class Pace {
  readonly arrivedAt: number;
  /** When its sequence was made; null before. */
  startedAt: number | null = null;
  #firstTokenAt: number | null = null;
  #lastTokenAt = 0;
  #tokens = 0;

  constructor(now: number) {
    this.arrivedAt = now;
  }

  start(now: number, meter: Meter): void {
    this.startedAt = now;
    meter.queued(now - this.arrivedAt);
  }

  token(now: number, meter: Meter): void {
    if (this.#firstTokenAt === null) {
      this.#firstTokenAt = now;
      meter.firstToken(now - this.arrivedAt);
    } else {
      meter.gap(now - this.#lastTokenAt);
    }
    this.#lastTokenAt = now;
    this.#tokens += 1;
  }

  ageMs(now: number): number {
    return now - this.arrivedAt;
  }

  /** Until its sequence was made, or until now. */
  waitedMs(now: number): number {
    return (this.startedAt ?? now) - this.arrivedAt;
  }

  get ttftMs(): number | null {
    return this.#firstTokenAt === null ? null : this.#firstTokenAt - this.arrivedAt;
  }

  /** From the first token to the last; 0 before there are two. */
  get tokensPerSecond(): number {
    return this.#firstTokenAt === null || this.#tokens < 2 ? 0 : ((this.#tokens - 1) * 1000) / (this.#lastTokenAt - this.#firstTokenAt);
  }
}
