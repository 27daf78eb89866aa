/** Better, worse or the same: what an interval of ratios says. */
import type { Interval } from './bootstrap.js';

export type Direction = 'higher' | 'lower';
export type Verdict = 'better' | 'worse' | 'same' | 'unknown';

/** candidate / base as a gain: above 1 is better, whichever direction the measure has. */
export function gainOf({ low, middle, high }: Interval, better: Direction): Interval {
  return better === 'higher' ? { low, middle, high } : { low: 1 / high, middle: 1 / middle, high: 1 / low };
}

/** Better or worse only where the whole interval is, and by more than `tolerance` (0.01 = 1 %): no difference that matters is the same. */
export function verdictOf(gain: Interval, tolerance: number): Verdict {
  if (Number.isNaN(gain.middle)) return 'unknown';
  if (gain.low > 1 && gain.middle > 1 + tolerance) return 'better';
  if (gain.high < 1 && gain.middle < 1 - tolerance) return 'worse';
  return 'same';
}

export type GateOutcome = 'pass' | 'fail' | 'undecided';

/**
 * Whether a gain is within `maxRegression` (0.05 = 5 % worse may be). It fails only where the whole interval is beyond; where the interval
 * holds the limit, noise may be all there is: undecided.
 */
export function gateOutcome(gain: Interval, maxRegression: number): GateOutcome {
  const limit = 1 - maxRegression;
  if (Number.isNaN(gain.middle)) return 'undecided';
  if (gain.high < limit) return 'fail';
  return gain.low >= limit ? 'pass' : 'undecided';
}
