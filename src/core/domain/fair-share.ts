/**
 * Who had how much: a counter of service for each name. The one with the least is next. Who comes back after a pause begins no lower
 * than the lowest of those who are there, so that nobody saves up service by staying away.
 */
export class FairShare {
  readonly #service = new Map<string, number>();
  /** How often each name is there. */
  readonly #present = new Map<string, number>();

  join(name: string): void {
    const times = this.#present.get(name) ?? 0;
    if (times === 0) this.#service.set(name, Math.max(this.of(name), this.#lowest()));
    this.#present.set(name, times + 1);
  }

  leave(name: string): void {
    const times = this.#present.get(name);
    if (times === undefined) throw new Error(`[fair_share] ${name} is not there`);
    if (times > 1) return void this.#present.set(name, times - 1);
    this.#present.delete(name);
    // What is not above the lowest would be lifted to it on coming back: it need not be remembered.
    const lowest = this.#lowest();
    for (const [other, service] of this.#service) {
      if (!this.#present.has(other) && (this.#present.size === 0 || service <= lowest)) this.#service.delete(other);
    }
  }

  serve(name: string, cost: number): void {
    this.#service.set(name, this.of(name) + cost);
  }

  of(name: string): number {
    return this.#service.get(name) ?? 0;
  }

  /** Names that are there. */
  get size(): number {
    return this.#present.size;
  }

  #lowest(): number {
    let lowest = Infinity;
    for (const name of this.#present.keys()) lowest = Math.min(lowest, this.of(name));
    return lowest === Infinity ? 0 : lowest;
  }
}
