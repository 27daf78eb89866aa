/** One turn at a time for each name; who comes later waits, in order. */
export class TurnLocks {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, number>();

  isBusy(name: string): boolean {
    return this.#tails.has(name);
  }

  waiting(name: string): number {
    return this.#waiting.get(name) ?? 0;
  }

  /** Resolves when it is one's turn, to the function that ends it. An aborted wait rejects with the signal's reason. */
  async enter(name: string, signal?: AbortSignal): Promise<() => void> {
    const before = this.#tails.get(name);
    let leave = (): void => undefined;
    const mine = new Promise<void>((resolve) => (leave = resolve));
    const tail = (before ?? Promise.resolve()).then(() => mine);
    this.#tails.set(name, tail);
    void tail.then(() => this.#tails.get(name) === tail && this.#tails.delete(name));
    if (before === undefined) return leave;
    this.#waiting.set(name, this.waiting(name) + 1);
    try {
      await waitFor(before, signal);
      return leave;
    } catch (error) {
      leave();
      throw error;
    } finally {
      const left = this.waiting(name) - 1;
      if (left === 0) this.#waiting.delete(name);
      else this.#waiting.set(name, left);
    }
  }
}

function waitFor(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void work.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
