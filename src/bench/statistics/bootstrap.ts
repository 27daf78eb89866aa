/** Bootstrap intervals: what a statistic would have been, had chance dealt the same samples otherwise. The seed repeats them. */
import { median, percentile } from './median.js';
import { Seeded } from './seeded.js';

export interface Interval {
  readonly low: number;
  /** Of the samples themselves. */
  readonly middle: number;
  readonly high: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  readonly resamples: number;
  /** Such as 0.95. */
  readonly confidence: number;
}

export const BOOTSTRAP: BootstrapOptions = { seed: 1, resamples: 2_000, confidence: 0.95 };

/** Of the median; NaN for no samples, no width for one. */
export function medianInterval(samples: readonly number[], options = BOOTSTRAP): Interval {
  return intervalOf(median(samples), (random) => median(drawn(samples, random)), options);
}

/** Of the median of `candidate` over the median of `base`, which were measured apart: each is drawn for itself. */
export function ratioInterval(base: readonly number[], candidate: readonly number[], options = BOOTSTRAP): Interval {
  const ratio = (from: readonly number[], to: readonly number[]): number => median(to) / median(from);
  return intervalOf(ratio(base, candidate), (random) => ratio(drawn(base, random), drawn(candidate, random)), options);
}

/**
 * Of the median of candidate / base within each pair. Both of a pair were measured one right after the other, so what the machine did in
 * the meantime is in both and leaves the ratio. Pairs that lack one are left out.
 */
export function pairedRatioInterval(
  base: readonly (number | null)[],
  candidate: readonly (number | null)[],
  options = BOOTSTRAP,
): Interval {
  const ratios = base.flatMap((value, i) => {
    const other = candidate[i] ?? null;
    return value === null || other === null || value === 0 ? [] : [other / value];
  });
  return medianInterval(ratios, options);
}

function intervalOf(middle: number, again: (random: Seeded) => number, { seed, resamples, confidence }: BootstrapOptions): Interval {
  if (Number.isNaN(middle)) return { low: Number.NaN, middle, high: Number.NaN };
  const random = new Seeded(seed);
  const statistics = Array.from({ length: resamples }, () => again(random));
  const tail = (1 - confidence) / 2;
  // Percentiles of few samples may leave the statistic itself out.
  return {
    low: Math.min(middle, percentile(statistics, tail)),
    middle,
    high: Math.max(middle, percentile(statistics, 1 - tail)),
  };
}

function drawn(samples: readonly number[], random: Seeded): number[] {
  return samples.map(() => samples[random.below(samples.length)]!);
}
