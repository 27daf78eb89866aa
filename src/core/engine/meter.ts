/** What the engine achieved in the last seconds. */
import { Recent, type Spread } from '../domain/recent.js';
import { type EngineObserver, NO_OBSERVER, type Timer } from '../ports.js';

export interface Rates {
  /** Of wall time that the figures are of. */
  readonly spanMs: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  readonly stepMs: Spread;
  /** Between two tokens of one answer. */
  readonly interTokenMs: Spread;
  /** From a request's arrival to its first token. */
  readonly ttftMs: Spread;
  /** From a request's arrival until its sequence is made. */
  readonly queueMs: Spread;
}

const SPAN_MS = 5_000;
/** Requests are rarer than steps: theirs are of a minute. */
const REQUEST_SPAN_MS = 60_000;
const MOST = 4_096;

export class Meter {
  readonly #timer: Timer;
  readonly #observer: EngineObserver;
  readonly #startedAt: number;
  readonly #decoded = new Recent(SPAN_MS, MOST);
  readonly #prefilled = new Recent(SPAN_MS, MOST);
  readonly #steps = new Recent(SPAN_MS, MOST);
  readonly #gaps = new Recent(SPAN_MS, MOST);
  readonly #ttft = new Recent(REQUEST_SPAN_MS, MOST);
  readonly #queued = new Recent(REQUEST_SPAN_MS, MOST);
  readonly #outputs = new Recent(REQUEST_SPAN_MS, MOST);

  constructor(timer: Timer, observer: EngineObserver = NO_OBSERVER) {
    this.#timer = timer;
    this.#observer = observer;
    this.#startedAt = timer.now();
  }

  /** A step that took `ms`, sampled `decoded` tokens, and put `prefilled` tokens of prompts into the KV. */
  step(ms: number, decoded: number, prefilled: number): void {
    const now = this.#timer.now();
    this.#steps.add(now, ms);
    if (decoded > 0) this.#decoded.add(now, decoded);
    if (prefilled > 0) this.#prefilled.add(now, prefilled);
  }

  gap(ms: number): void {
    this.#gaps.add(this.#timer.now(), ms);
    this.#observer.gap(ms);
  }

  firstToken(ms: number): void {
    this.#ttft.add(this.#timer.now(), ms);
    this.#observer.firstToken(ms);
  }

  queued(ms: number): void {
    this.#queued.add(this.#timer.now(), ms);
  }

  /** An answer ended after so many tokens. */
  finished(outputs: number): void {
    this.#outputs.add(this.#timer.now(), outputs);
  }

  /** Of the answers that ended lately; null = none did. */
  get meanOutputs(): number | null {
    return this.#outputs.mean(this.#timer.now());
  }

  rates(): Rates {
    const now = this.#timer.now();
    const seconds = Math.max(1, Math.min(SPAN_MS, now - this.#startedAt)) / 1000;
    return {
      spanMs: SPAN_MS,
      decodeTokensPerSecond: this.#decoded.sum(now) / seconds,
      prefillTokensPerSecond: this.#prefilled.sum(now) / seconds,
      stepMs: this.#steps.spread(now),
      interTokenMs: this.#gaps.spread(now),
      ttftMs: this.#ttft.spread(now),
      queueMs: this.#queued.spread(now),
    };
  }
}
