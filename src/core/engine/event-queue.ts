/** A queue between the loop that produces events and the one reader of an answer. The producer never waits: it looks at `full`. */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  readonly #capacity: number;
  readonly #onRead: () => void;
  #items: T[] = [];
  #closed = false;
  #error: { readonly value: unknown } | null = null;
  #wake: (() => void) | null = null;

  /** `onRead` is called when a full queue has room again. */
  constructor(capacity: number, onRead: () => void) {
    this.#capacity = capacity;
    this.#onRead = onRead;
  }

  get full(): boolean {
    return this.#items.length >= this.#capacity;
  }

  push(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#wakeReader();
  }

  /** What was pushed is still read; then the iteration ends, or throws `error`. */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error !== undefined) this.#error = { value: error };
    this.#wakeReader();
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      const wasFull = this.full;
      const item = this.#items.shift();
      if (item !== undefined) {
        if (wasFull && !this.full) this.#onRead();
        return { done: false, value: item };
      }
      if (this.#error !== null) {
        const { value } = this.#error;
        this.#error = null;
        throw value;
      }
      if (this.#closed) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
