/**
 * How many prompt tokens the next step may take beside sequences that decode. It learns from the steps what a decoding step costs and
 * what a prompt token adds, and sees to two things: a step with prefill takes at most about twice as long as one without (or a gap that
 * nobody notices, where that is longer), and over time prefill takes no more than leaves running answers their share of solo speed. Where
 * even a small chunk takes longer than that, steps without prefill follow until the time is made good.
 */
export interface PrefillLimits {
  /** Prompt tokens of one step beside decoding sequences, at least, and of any step at most. */
  readonly minPrefillTokens: number;
  readonly maxPrefillTokens: number;
  /** Of its solo speed that a running answer keeps. */
  readonly decodeShare: number;
  /** A step with prefill may always take so long. */
  readonly stepGapMs: number;
}

export interface ObservedStep {
  /** Sequences that decoded in it. */
  readonly decoding: number;
  readonly prefillTokens: number;
  /** From the end of the step before it. */
  readonly ms: number;
}

/** Weight of the newest measurement. */
const NEWEST = 0.3;
/** After so many steps with prefill one without is run, to know what decoding costs now. */
const PROBE_STEPS = 16;
/** A step that took so many times what was expected was held up by something else: the rest is nobody's debt. */
const OUTLIER = 4;
/** Rows of a prompt that the kernels take together: chunks are multiples of it. */
const ROWS = 16;

export class PrefillBudget {
  /** By the number of decoding sequences: milliseconds of a step without prefill. */
  readonly #decodeMs = new Map<number, number>();
  /** What a prompt token adds. */
  #tokenMs: number | null = null;
  /** Time that prefill may still take beside what decodes; below 0 it has to wait. */
  #creditMs = 0;
  #mixedSteps = 0;

  /** Tokens for the next step, 0 = none beside so many decoding sequences now. */
  next(decoding: number, limits: PrefillLimits): number {
    if (decoding === 0) return limits.maxPrefillTokens;
    const decodeMs = this.#decodeMsOf(decoding);
    if (decodeMs === null || this.#creditMs < 0 || this.#mixedSteps >= PROBE_STEPS) return 0;
    return this.#chunk(decodeMs, limits);
  }

  /** The chunk that fits beside so many decoding sequences, whether or not the next step may have one. */
  chunkBeside(decoding: number, limits: PrefillLimits): number {
    return decoding === 0 ? limits.maxPrefillTokens : this.#chunk(this.#decodeMsOf(decoding) ?? 0, limits);
  }

  /** Milliseconds that a prompt token adds, and that a step of so many decoding sequences takes; null before both were measured. */
  costs(decoding: number): { readonly tokenMs: number; readonly stepMs: number } | null {
    const stepMs = this.#decodeMsOf(decoding);
    return this.#tokenMs === null || stepMs === null ? null : { tokenMs: this.#tokenMs, stepMs };
  }

  observe({ decoding, prefillTokens, ms }: ObservedStep, limits: PrefillLimits): void {
    if (decoding === 0) {
      this.#creditMs = 0;
      this.#mixedSteps = 0;
      if (prefillTokens > 0) this.#tokenMs = blend(this.#tokenMs, ms / prefillTokens);
      return;
    }
    const decodeMs = this.#decodeMsOf(decoding) ?? ms;
    const earnedMs = decodeMs * (1 / limits.decodeShare - 1);
    if (prefillTokens === 0) {
      this.#decodeMs.set(decoding, blend(this.#decodeMs.get(decoding) ?? null, ms));
      this.#creditMs = Math.min(this.#creditMs + earnedMs, 0);
      this.#mixedSteps = 0;
      return;
    }
    const expectedMs = this.#tokenMs === null ? Infinity : this.#tokenMs * prefillTokens;
    const addedMs = Math.min(Math.max(0, ms - decodeMs), OUTLIER * expectedMs);
    this.#tokenMs = blend(this.#tokenMs, addedMs / prefillTokens);
    this.#creditMs = Math.min(this.#creditMs + earnedMs - addedMs, 0);
    this.#mixedSteps += 1;
  }

  #chunk(decodeMs: number, { minPrefillTokens, maxPrefillTokens, stepGapMs }: PrefillLimits): number {
    if (this.#tokenMs === null || this.#tokenMs === 0) return minPrefillTokens;
    const tokens = (Math.max(2 * decodeMs, stepGapMs) - decodeMs) / this.#tokenMs;
    const rows = tokens < ROWS ? Math.floor(tokens) : Math.floor(tokens / ROWS) * ROWS;
    return Math.min(maxPrefillTokens, Math.max(minPrefillTokens, rows));
  }

  /** Of so many sequences, or of the nearest number that was measured; null before anything was. */
  #decodeMsOf(decoding: number): number | null {
    const exact = this.#decodeMs.get(decoding);
    if (exact !== undefined) return exact;
    let [nearest, ms]: [number, number | null] = [Infinity, null];
    for (const [count, measured] of this.#decodeMs) {
      if (Math.abs(count - decoding) >= nearest) continue;
      nearest = Math.abs(count - decoding);
      ms = measured;
    }
    return ms;
  }
}

function blend(before: number | null, newest: number): number {
  return before === null ? newest : before + NEWEST * (newest - before);
}
