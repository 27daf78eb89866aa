/** One at a time, in the order of coming. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  enter<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async empty(): Promise<void> {
    await this.#last;
  }
}
