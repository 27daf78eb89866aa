/** Marks an empty slot and "no such pair". */
export const NO_MERGE = -1;

/** (left id, right id) -> (rank, merged id), in an open-addressing table of flat arrays: a Map of number pairs takes 8 times the memory. */
export class MergeTable {
  readonly #mask: number;
  readonly #left: Int32Array; // [slots]
  readonly #right: Int32Array; // [slots]
  readonly #rank: Int32Array; // [slots]
  readonly #merged: Int32Array; // [slots]

  constructor(capacity: number) {
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#left = new Int32Array(slots).fill(NO_MERGE);
    this.#right = new Int32Array(slots);
    this.#rank = new Int32Array(slots);
    this.#merged = new Int32Array(slots);
  }

  /** A pair given twice keeps its last rank, as a hash map filled in order does. */
  set(left: number, right: number, rank: number, merged: number): void {
    const slot = this.find(left, right, true);
    this.#left[slot] = left;
    this.#right[slot] = right;
    this.#rank[slot] = rank;
    this.#merged[slot] = merged;
  }

  /** Slot of a pair, or NO_MERGE; with `free`, the empty slot where it would go. */
  find(left: number, right: number, free = false): number {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 7;
    for (slot &= this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = this.#left[slot]!;
      if (at === NO_MERGE) return free ? slot : NO_MERGE;
      if (at === left && this.#right[slot] === right) return slot;
    }
  }

  rankAt(slot: number): number {
    return this.#rank[slot]!;
  }

  mergedAt(slot: number): number {
    return this.#merged[slot]!;
  }
}
