/** Whether a build may pass: no measure is worse than allowed, beyond noise, and still so when it is measured again. */
import type { SeriesBody } from '../results/schema.js';
import { medianInterval } from '../statistics/bootstrap.js';
import { type GateOutcome, gateOutcome } from '../statistics/verdict.js';
import { type Compared, compareSeries, keyOf, pairedRatioOf, ratioOf } from './compare.js';

export interface GatedMeasure extends Compared {
  readonly outcome: GateOutcome;
}

export interface GateReport {
  readonly object: 'benchmark.gate';
  /** What it was held against: the id of a benchmark, or the path of a build. */
  readonly against: string;
  readonly candidate: string;
  /** Whether base and candidate were measured in turn. */
  readonly isPaired: boolean;
  readonly maxRegression: number;
  /** How often it was measured. */
  readonly attempts: number;
  readonly passed: boolean;
  readonly measures: readonly GatedMeasure[];
}

export interface GateTerms {
  readonly maxRegression: number;
  readonly isPaired: boolean;
}

/** Throws nothing: what the two do not share is not judged. */
export function judge(
  base: readonly SeriesBody[],
  candidate: readonly SeriesBody[],
  { maxRegression, isPaired }: GateTerms,
): readonly GatedMeasure[] {
  const gated = candidate.filter((series) => series.gated);
  const compared = compareSeries(base, gated, isPaired ? pairedRatioOf : ratioOf);
  return compared.map((one) => ({ ...one, outcome: gateOutcome(one.gain, maxRegression) }));
}

/** Samples of two runs of the same cases as those of one. */
export function pooled(first: readonly SeriesBody[], second: readonly SeriesBody[]): readonly SeriesBody[] {
  const more = new Map(second.map((series) => [keyOf(series), series.samples]));
  return first.map((series) => {
    const samples = [...series.samples, ...(more.get(keyOf(series)) ?? [])];
    const { low, middle, high } = medianInterval(samples.filter((sample) => sample !== null));
    return { ...series, samples, median: middle, low, high };
  });
}

/** One more run of what is judged; null where it was ended. */
export type MeasureAgain = () => Promise<{ readonly base: readonly SeriesBody[] | null; readonly candidate: readonly SeriesBody[] } | null>;

export interface GateInput extends GateTerms {
  readonly against: string;
  readonly candidateId: string;
  readonly base: readonly SeriesBody[];
  readonly candidate: readonly SeriesBody[];
  /** Runs there may be, the first one included. */
  readonly maxAttempts: number;
}

/**
 * A measure fails only if it does over all that was measured and in the last run alone: a moment that was bad for the candidate does not last.
 * Where a measure fails, or noise hides whether it does, everything is measured again. What is undecided in the end passes.
 */
export async function gate(input: GateInput, again: MeasureAgain): Promise<GateReport> {
  let { base, candidate } = input;
  let measures = judge(base, candidate, input);
  let attempts = 1;
  while (attempts < input.maxAttempts && measures.some(({ outcome }) => outcome !== 'pass')) {
    const more = await again();
    if (more === null) break;
    attempts += 1;
    const latest = judge(more.base ?? base, more.candidate, input);
    if (more.base !== null) base = pooled(base, more.base);
    candidate = pooled(candidate, more.candidate);
    measures = confirmed(judge(base, candidate, input), latest);
  }
  // One run alone is no proof, unless no second one was wanted.
  const isProven = attempts > 1 || input.maxAttempts === 1;
  const judged = isProven ? measures : measures.map((one) => (one.outcome === 'fail' ? { ...one, outcome: 'undecided' as const } : one));
  return {
    object: 'benchmark.gate',
    against: input.against,
    candidate: input.candidateId,
    isPaired: input.isPaired,
    maxRegression: input.maxRegression,
    attempts,
    passed: judged.every(({ outcome }) => outcome !== 'fail'),
    measures: judged,
  };
}

function confirmed(all: readonly GatedMeasure[], latest: readonly GatedMeasure[]): readonly GatedMeasure[] {
  const last = new Map(latest.map((one) => [keyOf(one), one.outcome]));
  return all.map((one) => (one.outcome === 'fail' && last.get(keyOf(one)) !== 'fail' ? { ...one, outcome: 'undecided' as const } : one));
}

/** `5%`, `0.05`; null for anything else. */
export function parseShare(text: string): number | null {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return null;
  const share = percent === undefined ? Number(digits) : Number(digits) / 100;
  return share >= 0 && share < 1 ? share : null;
}
