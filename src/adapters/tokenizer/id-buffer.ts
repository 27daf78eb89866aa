/** Token ids that grow: doubles as it fills. */
export class IdBuffer {
  #ids: Int32Array;
  #length = 0;

  constructor(expected: number) {
    this.#ids = new Int32Array(Math.max(16, Math.ceil(expected)));
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) {
      const grown = new Int32Array(this.#length * 2);
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids[this.#length++] = id;
  }

  /** The ids, in memory of their own. */
  take(): Int32Array {
    return this.#ids.slice(0, this.#length);
  }
}
