/** Runs work that pauses, a few milliseconds at a time, so that whatever else the event loop has to do goes on. */

/** Well below what one step of a model takes. */
const SLICE_MS = 3;

export interface SliceLimit {
  /** Of work; waiting in between does not count. */
  readonly limitMs: number;
  readonly tooLong: () => Error;
}

/** Throws what `tooLong` returns when the work itself has taken longer than there is a limit for. */
export async function inSlices<T>(work: Generator<void, T, void>, limit: SliceLimit | null = null): Promise<T> {
  let spent = 0;
  for (;;) {
    const started = performance.now();
    for (;;) {
      const { done, value } = work.next();
      if (done === true) return value;
      if (performance.now() - started >= SLICE_MS) break;
    }
    spent += performance.now() - started;
    if (limit !== null && spent > limit.limitMs) throw limit.tooLong();
    await nextTurn();
  }
}

/** Lets the event loop do what else is due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
