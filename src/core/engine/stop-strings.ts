/** What may be shown now, and whether a stop string ended the text. */
export interface StopStringStep {
  readonly text: string;
  readonly stopped: boolean;
}

/**
 * Watches text that arrives in pieces for stop strings and holds back what may still become one. The stop string that
 * is complete first wins, of those that end at one place the longest, so the cut does not depend on where pieces end.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** After a stop nothing more comes out. */
  push(text: string): StopStringStep {
    if (this.#stopped) return { text: '', stopped: true };
    const pending = this.#held + text;
    const cut = this.#firstStop(pending);
    if (cut !== null) {
      this.#stopped = true;
      this.#held = '';
      return { text: pending.slice(0, cut), stopped: true };
    }
    const shown = pending.length - this.#openEnd(pending);
    this.#held = pending.slice(shown);
    return { text: pending.slice(0, shown), stopped: false };
  }

  /** What was held back, when the text ends without a stop. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Where the winning stop string begins; null = none is complete. */
  #firstStop(text: string): number | null {
    let start: number | null = null;
    let end = Infinity;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at < 0 || at + stop.length > end || (at + stop.length === end && at >= start!)) continue;
      start = at;
      end = at + stop.length;
    }
    return start;
  }

  /** Length of the longest end of `text` that a stop string begins with. */
  #openEnd(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
