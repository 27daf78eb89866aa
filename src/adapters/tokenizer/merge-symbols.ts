import { NO_MERGE, type MergeTable } from './merge-table.js';

/** Up to this many symbols a scan for the lowest rank beats a heap. */
const SCAN_LIMIT = 48;
/** Symbols looked at between two pauses. */
const SYMBOLS_AT_ONCE = 2048;

/**
 * Byte-pair encoding of one word: merges the pair of lowest rank, leftmost first, until none is left.
 * `symbols` [n] ids is overwritten; returns how many are left at its front.
 */
export function mergeSymbols(symbols: Int32Array, n: number, table: MergeTable): number {
  if (n <= SCAN_LIMIT) return mergeByScan(symbols, n, table);
  const merging = mergeInSteps(symbols, n, table);
  for (;;) {
    const { done, value } = merging.next();
    if (done === true) return value;
  }
}

const scanRanks = new Int32Array(SCAN_LIMIT);
const scanMerged = new Int32Array(SCAN_LIMIT);
const NEVER = 0x7fffffff;

function mergeByScan(symbols: Int32Array, n: number, table: MergeTable): number {
  const lookUp = (i: number) => {
    const slot = table.find(symbols[i]!, symbols[i + 1]!);
    scanRanks[i] = slot === NO_MERGE ? NEVER : table.rankAt(slot);
    if (slot !== NO_MERGE) scanMerged[i] = table.mergedAt(slot);
  };
  for (let i = 0; i + 1 < n; i++) lookUp(i);
  for (;;) {
    let best = -1;
    let bestRank = NEVER;
    for (let i = 0; i + 1 < n; i++) {
      if (scanRanks[i]! < bestRank) {
        bestRank = scanRanks[i]!;
        best = i;
      }
    }
    if (best < 0) return n;
    symbols[best] = scanMerged[best]!;
    symbols.copyWithin(best + 1, best + 2, n);
    scanRanks.copyWithin(best + 1, best + 2, n);
    scanMerged.copyWithin(best + 1, best + 2, n);
    n--;
    if (best > 0) lookUp(best - 1);
    if (best + 1 < n) lookUp(best);
  }
}

/** The same with pauses; `symbols` is the caller's until it is done. O(n log n), for words without borders such as a long run of spaces. */
export function* mergeInSteps(symbols: Int32Array, n: number, table: MergeTable): Generator<void, number, void> {
  const next = new Int32Array(n); // index of the following live symbol, n = none
  const previous = new Int32Array(n); // -1 = none
  const dead = new Uint8Array(n);
  const heap = new PairHeap(n);
  const offer = (left: number) => {
    const right = next[left]!;
    if (right >= n) return;
    const slot = table.find(symbols[left]!, symbols[right]!);
    if (slot !== NO_MERGE) heap.push(table.rankAt(slot), left);
  };
  for (let i = 0; i < n; i++) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (let i = 0; i < n; i++) {
    offer(i);
    if (i % SYMBOLS_AT_ONCE === SYMBOLS_AT_ONCE - 1) yield;
  }
  for (let popped = 1; heap.size > 0; popped++) {
    if (popped % SYMBOLS_AT_ONCE === 0) yield;
    const { rank, position } = heap.pop();
    const right = next[position]!;
    if (dead[position] !== 0 || right >= n) continue;
    const slot = table.find(symbols[position]!, symbols[right]!);
    if (slot === NO_MERGE || table.rankAt(slot) !== rank) continue; // the pair changed since it was offered
    symbols[position] = table.mergedAt(slot);
    dead[right] = 1;
    const after = next[right]!;
    next[position] = after;
    if (after < n) previous[after] = position;
    if (previous[position]! >= 0) offer(previous[position]!);
    offer(position);
  }
  let kept = 0;
  for (let i = 0; i < n; i = next[i]!) symbols[kept++] = symbols[i]!;
  return kept;
}

/** Binary heap of (rank, position), lowest rank then leftmost first; one double holds both, so an entry costs 8 bytes. */
class PairHeap {
  static readonly #SHIFT = 2 ** 26; // symbols in a word; leaves 27 bits for ranks
  #keys: Float64Array;
  size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity + 16);
  }

  push(rank: number, position: number): void {
    if (this.size === this.#keys.length) {
      const grown = new Float64Array(this.size * 2);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    const keys = this.#keys;
    const key = rank * PairHeap.#SHIFT + position;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[at] = keys[parent]!;
      at = parent;
    }
    keys[at] = key;
  }

  pop(): { rank: number; position: number } {
    const keys = this.#keys;
    const top = keys[0]!;
    const last = keys[--this.size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[at] = keys[child]!;
      at = child;
    }
    keys[at] = last;
    const rank = Math.floor(top / PairHeap.#SHIFT);
    return { rank, position: top - rank * PairHeap.#SHIFT };
  }
}
