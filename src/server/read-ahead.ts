/** Events of which the first may be looked at, for a limited time, before the rest is handed on: what they say decides a status or a header. */
export class ReadAhead<T> implements AsyncIterable<T> {
  readonly #events: AsyncGenerator<T, void, undefined>;
  readonly #read: T[] = [];
  #pending: Promise<IteratorResult<T, void>> | null = null;

  constructor(events: AsyncGenerator<T, void, undefined>) {
    this.#events = events;
  }

  /** The next event that is `wanted`, or null when it does not come within `ms`. Throws what the events throw until then. */
  async find<S extends T>(wanted: (event: T) => event is S, ms = MAX_TIMER_MS): Promise<S | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, ms, null)));
    try {
      for (;;) {
        const result = await Promise.race([this.#next(), late]);
        if (result === null) return null;
        this.#pending = null;
        if (result.done === true) return null;
        this.#read.push(result.value);
        if (wanted(result.value)) return result.value;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** All of them, once, from the first on. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      yield* this.#read;
      const result = await this.#next();
      if (result.done === true) return;
      yield result.value;
      yield* this.#events;
    } finally {
      await this.#events.return();
    }
  }

  #next(): Promise<IteratorResult<T, void>> {
    if (this.#pending === null) {
      this.#pending = this.#events.next();
      this.#pending.catch(() => undefined); // whoever asks next is told
    }
    return this.#pending;
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1;

/** How long the head of a stream is held back for what the engine says first. */
export const HEAD_WAIT_MS = 500;
