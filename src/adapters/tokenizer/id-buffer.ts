/** Token ids that grow, in parts: nothing is copied until they are taken, which would hold the event loop where there are many. */
const PART = 65_536;

export class IdBuffer {
  readonly #full: Int32Array[] = [];
  #part: Int32Array;
  #length = 0; // of the part

  constructor(expected: number) {
    this.#part = new Int32Array(Math.min(PART, Math.max(16, Math.ceil(expected))));
  }

  push(id: number): void {
    if (this.#length === this.#part.length) {
      this.#full.push(this.#part);
      this.#part = new Int32Array(PART);
      this.#length = 0;
    }
    this.#part[this.#length++] = id;
  }

  /** The ids, in memory of their own. */
  take(): Int32Array {
    const parts = [...this.#full, this.#part.subarray(0, this.#length)];
    const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      ids.set(part, at);
      at += part.length;
    }
    return ids;
  }
}
