/** Steps of all decoders of one engine: how many are under way, and what they have taken. */
export class StepWatch {
  #inFlight = 0;
  #micros = 0;
  #waiting: (() => void)[] = [];

  /** A step, told of by who runs it; null = it was withdrawn. */
  async watch<T extends { readonly stepMicros: number } | null>(step: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      const result = await step();
      this.#micros += result?.stepMicros ?? 0;
      return result;
    } finally {
      this.#inFlight -= 1;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    }
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Time of all steps so far, microseconds. */
  get micros(): number {
    return this.#micros;
  }

  /** Resolves when the next step has ended. */
  ended(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
