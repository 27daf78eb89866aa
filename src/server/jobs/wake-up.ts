/** Those who wait for something to happen, by what it happens to. */
export class WakeUp {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves when `name` is told next, `ms` are over, or `signal` aborts. To be asked for before one looks: nothing is missed then. */
  next(name: string, signal: AbortSignal, ms: number | null = null): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const names = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, names);
      const timer = ms === null ? undefined : setTimeout(() => wake(), ms);
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        names.delete(wake);
        if (names.size === 0 && this.#waiting.get(name) === names) this.#waiting.delete(name);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      names.add(wake);
    });
  }

  tell(name: string): void {
    for (const wake of [...(this.#waiting.get(name) ?? [])]) wake();
  }

  tellAll(): void {
    for (const name of [...this.#waiting.keys()]) this.tell(name);
  }
}
