import type { Pooling } from './pooling.js';

/** The vector of one input, from its hidden states as they come: a chunk at a time, some of them twice where its reading was interrupted. */
export class PooledStates {
  readonly #pooling: Pooling;
  /** In f64, so that a long input is not what its order of summing makes of it. [width] */
  #sum: Float64Array | null = null;
  #tokens = 0;

  constructor(pooling: Pooling) {
    this.#pooling = pooling;
  }

  /** `rows` [n, width] are the states of tokens [from, from + n). */
  add(from: number, rows: Float32Array, width: number): void {
    const end = from + rows.length / width;
    if (from > this.#tokens) throw new Error(`[embeddings] states of token ${from} came before those of ${this.#tokens}`);
    const sum = (this.#sum ??= new Float64Array(width));
    for (; this.#tokens < end; this.#tokens++) {
      const row = rows.subarray((this.#tokens - from) * width, (this.#tokens - from + 1) * width);
      if (this.#pooling === 'mean') for (let i = 0; i < width; i++) sum[i]! += row[i]!;
      else if (this.#pooling === 'last' || this.#tokens === 0) sum.set(row);
    }
  }

  /** [width], not normalised. */
  vector(): Float32Array {
    const sum = this.#sum ?? new Float64Array(0);
    return Float32Array.from(sum, this.#pooling === 'mean' ? (x) => x / this.#tokens : (x) => x);
  }
}
