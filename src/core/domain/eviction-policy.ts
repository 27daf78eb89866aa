/**
 * Who goes first when memory is wanted: the least recently used, where an expected next use counts as so many uses later,
 * and what is pinned stays. It knows ids, no blocks and no tokens.
 */
interface Item {
  readonly lastUse: number;
  /** Uses of others by which this one is put off. */
  readonly bonus: number;
  pinned: boolean;
}

export class EvictionPolicy {
  readonly #items = new Map<number, Item>();
  /** Counts uses. */
  #now = 0;

  /** Takes `id` in, or says that it was used again. */
  use(id: number, bonus = 0): void {
    this.#now += 1;
    this.#items.set(id, { lastUse: this.#now, bonus, pinned: this.#items.get(id)?.pinned ?? false });
  }

  /** Pinned ids are never `next`. */
  pin(id: number, pinned: boolean): void {
    const item = this.#items.get(id);
    if (item === undefined) throw new Error(`[eviction] ${id} is not known`);
    item.pinned = pinned;
  }

  remove(id: number): void {
    this.#items.delete(id);
  }

  /** The one to evict; null when there is none that may go. Never mutates. */
  next(): number | null {
    let next: number | null = null;
    let least = Infinity;
    for (const [id, { lastUse, bonus, pinned }] of this.#items) {
      if (pinned || lastUse + bonus >= least) continue;
      next = id;
      least = lastUse + bonus;
    }
    return next;
  }
}
