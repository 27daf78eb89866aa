import { openEnd } from '../domain/open-end.js';

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
  #found: string | null = null;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** The stop string that ended the text; null = none has. */
  get found(): string | null {
    return this.#found;
  }

  /** After a stop nothing more comes out. */
  push(text: string): StopStringStep {
    if (this.#found !== null) return { text: '', stopped: true };
    const pending = this.#held + text;
    const cut = this.#firstStop(pending);
    if (cut !== null) {
      this.#found = cut.stop;
      this.#held = '';
      return { text: pending.slice(0, cut.at), stopped: true };
    }
    const shown = pending.length - openEnd(pending, this.#stops);
    this.#held = pending.slice(shown);
    return { text: pending.slice(0, shown), stopped: false };
  }

  /** What was held back, when the text ends without a stop. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** The winning stop string, and where it begins; null = none is complete. */
  #firstStop(text: string): { readonly at: number; readonly stop: string } | null {
    let first: { readonly at: number; readonly stop: string } | null = null;
    let end = Infinity;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at < 0 || at + stop.length > end || (at + stop.length === end && at >= first!.at)) continue;
      first = { at, stop };
      end = at + stop.length;
    }
    return first;
  }
}
