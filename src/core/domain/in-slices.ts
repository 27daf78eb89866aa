/** Runs work that pauses, a few milliseconds at a time, so that whatever else the event loop has to do goes on. */

/** Well below what one step of a model takes. */
const SLICE_MS = 3;

/** Throws what `tooLong` returns when the work itself has taken longer than `limitMs`; waiting in between does not count. */
export async function inSlices<T>(work: Generator<void, T, void>, limitMs: number, tooLong: () => Error): Promise<T> {
  let spent = 0;
  for (;;) {
    const started = performance.now();
    for (;;) {
      const { done, value } = work.next();
      if (done === true) return value;
      if (performance.now() - started >= SLICE_MS) break;
    }
    spent += performance.now() - started;
    if (spent > limitMs) throw tooLong();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
