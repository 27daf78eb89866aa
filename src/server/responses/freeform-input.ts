/** Arguments `{"input": "..."}` of a custom tool, which come in pieces -> the pieces of the text that they hold. */
const START = /^\s*\{\s*"input"\s*:\s*"/;
/** Whole characters and escapes of a JSON string. */
const UNITS = /(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
/** Half of a character. */
const HIGH_SURROGATE = /\\u[dD][89abAB][0-9a-fA-F]{2}$/;

export class FreeformInput {
  #json = '';
  /** Up to where it has been let out; null until the text begins. */
  #read: number | null = null;

  /** More text, if there is. */
  push(json: string): string {
    this.#json += json;
    if (this.#read === null) {
      const start = START.exec(this.#json);
      if (start === null) return '';
      this.#read = start[0].length;
    }
    UNITS.lastIndex = this.#read;
    const whole = UNITS.exec(this.#json)![0];
    const half = this.#isOver(whole) ? null : HIGH_SURROGATE.exec(whole);
    const units = half === null ? whole : whole.slice(0, half.index);
    this.#read += units.length;
    return JSON.parse(`"${units}"`) as string;
  }

  /** What is left: all of the arguments where they are not of that form. */
  end(): string {
    return this.#read === null ? this.#json : '';
  }

  /** Whether the string ends behind `units`. */
  #isOver(units: string): boolean {
    return this.#json[this.#read! + units.length] === '"';
  }
}
