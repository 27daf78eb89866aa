/** Whether memory grows beyond its noise. */

export interface Sample {
  readonly seconds: number;
  readonly bytes: number;
}

export interface Growth {
  /** Of the line through the samples of the second half, from its begin to its end. */
  readonly bytes: number;
  readonly meanBytes: number;
  /** Standard deviation of the samples about that line. */
  readonly noiseBytes: number;
  readonly samples: number;
}

/** Fewer samples say nothing. */
const LEAST_SAMPLES = 20;
const TOLERATED_SHARE = 0.03;

/** Least squares over the second half: by then caches and pools are as full as they get. */
export function growthOf(all: readonly Sample[]): Growth {
  const end = all.at(-1)?.seconds ?? 0;
  const half = all.filter(({ seconds }) => seconds >= end / 2);
  const mean = (of: (sample: Sample) => number): number => half.reduce((sum, sample) => sum + of(sample), 0) / half.length;
  const [meanSeconds, meanBytes] = [mean(({ seconds }) => seconds), mean(({ bytes }) => bytes)];
  const spread = mean(({ seconds }) => (seconds - meanSeconds) ** 2);
  const slope = spread === 0 ? 0 : mean(({ seconds, bytes }) => (seconds - meanSeconds) * (bytes - meanBytes)) / spread;
  const noise = Math.sqrt(mean(({ seconds, bytes }) => (bytes - meanBytes - slope * (seconds - meanSeconds)) ** 2));
  return { bytes: slope * (end / 2), meanBytes, noiseBytes: noise, samples: half.length };
}

/** More than 3 % of the mean and more than twice the noise. Null = too few samples to say. */
export function isBeyondNoise({ bytes, meanBytes, noiseBytes, samples }: Growth): boolean | null {
  if (samples < LEAST_SAMPLES) return null;
  return bytes > TOLERATED_SHARE * meanBytes && bytes > 2 * noiseBytes;
}
