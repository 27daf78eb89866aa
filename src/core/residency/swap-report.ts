/** One exchange of the current model for another, as it goes: its states, and how long each took. */
import { randomBytes } from 'node:crypto';
import type { Timer } from '../ports.js';

/** In this order; after a failure `rolling_back`, and then what became of it. */
export type SwapState =
  | 'preparing' // files of the new model are read, all but the weights; the old one serves
  | 'draining' // nothing new is admitted; answers may end until the deadline
  | 'persisting' // agents and their KV go to disk
  | 'unloading' // the old model leaves memory
  | 'loading' // the new one comes
  | 'resuming' // pools are divided anew, agents meet the model
  | 'done'
  | 'rolling_back' // the old model comes back
  | 'rolled_back' // it serves again
  | 'failed'; // neither could be loaded

export interface SwapReport {
  readonly id: string;
  readonly from: string | null;
  readonly to: string;
  readonly state: SwapState;
  /** States so far, and milliseconds in each; the last one is not over unless it is final. */
  readonly states: readonly { readonly state: SwapState; readonly ms: number }[];
  readonly ms: number;
  /** Answers that were cut at the deadline. */
  readonly cut: number;
  /** Why it did not come to be; null as long as nothing is wrong. */
  readonly error: string | null;
}

const FINAL: ReadonlySet<SwapState> = new Set(['done', 'rolled_back', 'failed']);

export class SwapJob {
  readonly id = `swap_${randomBytes(6).toString('hex')}`;
  cut = 0;
  #error: unknown = null;
  readonly #entered: { readonly state: SwapState; readonly at: number }[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(
    readonly from: string | null,
    readonly to: string,
    private readonly timer: Timer,
  ) {
    this.enter('preparing');
  }

  get state(): SwapState {
    return this.#entered.at(-1)!.state;
  }

  get isOver(): boolean {
    return FINAL.has(this.state);
  }

  get error(): unknown {
    return this.#error;
  }

  enter(state: SwapState): void {
    this.#entered.push({ state, at: this.timer.now() });
    for (const changed of this.#watchers) changed();
  }

  fail(error: unknown, state: SwapState): void {
    this.#error ??= error;
    this.enter(state);
  }

  report(): SwapReport {
    const end = this.isOver ? this.#entered.at(-1)!.at : this.timer.now();
    const states = this.#entered.map(({ state, at }, i) => ({ state, ms: (this.#entered[i + 1]?.at ?? end) - at }));
    const error = this.#error === null ? null : this.#error instanceof Error ? this.#error.message : String(this.#error);
    return { id: this.id, from: this.from, to: this.to, state: this.state, states, ms: end - this.#entered[0]!.at, cut: this.cut, error };
  }

  /** Resolves with what went wrong, or null, when it is over. */
  async ended(): Promise<unknown> {
    for await (const report of this.follow()) void report;
    return this.#error;
  }

  /** A report at once and whenever the state changes, up to the last one. */
  async *follow(): AsyncGenerator<SwapReport, void, undefined> {
    let seen = 0;
    while (seen < this.#entered.length || !this.isOver) {
      if (seen < this.#entered.length) {
        seen = this.#entered.length;
        yield this.report();
        continue;
      }
      await new Promise<void>((resolve) => {
        const changed = (): void => {
          this.#watchers.delete(changed);
          resolve();
        };
        this.#watchers.add(changed);
      });
    }
  }
}
