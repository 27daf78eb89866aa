/** Two benchmarks, measure by measure: how much better or worse the second is, and whether noise may be all there is. */
import { SemanticError } from '../../core/domain/errors.js';
import { type BenchmarkBody, isSameMachine, type SeriesBody } from '../results/schema.js';
import { type Interval, pairedRatioInterval, ratioInterval } from '../statistics/bootstrap.js';
import { gainOf, type Verdict, verdictOf } from '../statistics/verdict.js';

export interface Compared {
  readonly suite: string;
  readonly case: string;
  readonly measure: string;
  readonly unit: string;
  readonly better: SeriesBody['better'];
  readonly base: number;
  readonly candidate: number;
  /** candidate / base turned so that above 1 is better, with its interval. */
  readonly gain: Interval;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly object: 'benchmark.comparison';
  readonly base: string;
  readonly candidate: string;
  readonly isSameMachine: boolean;
  readonly measures: readonly Compared[];
  /** Measures that only one of the two has. */
  readonly unmatched: number;
}

/** A difference of less than this is none, however sure. */
export const TOLERANCE = 0.01;

/** The series of one target of a benchmark; of the first one where no name is given. Throws InvalidRequest. */
export function seriesOf(benchmark: BenchmarkBody, target: string | null): readonly SeriesBody[] {
  const name = target ?? ownTarget(benchmark);
  if (!benchmark.targets.some((one) => one.name === name)) {
    const known = benchmark.targets.map((one) => one.name).join(', ');
    throw new SemanticError('InvalidRequest', `[bench] ${benchmark.id} has no target ${JSON.stringify(name)}`, {
      hint: `It has: ${known}.`,
    });
  }
  return benchmark.series.filter((series) => series.target === name);
}

/** The build that was measured: not the one it was compared with. */
function ownTarget({ targets }: BenchmarkBody): string {
  return (targets.find(({ name }) => name === 'semantic') ?? targets[0])?.name ?? '';
}

export function compare(base: BenchmarkBody, candidate: BenchmarkBody, target: string | null): Comparison {
  const [from, to] = [seriesOf(base, target), seriesOf(candidate, target)];
  const measures = compareSeries(from, to, ratioOf);
  return {
    object: 'benchmark.comparison',
    base: base.id,
    candidate: candidate.id,
    isSameMachine: isSameMachine(base.machine, candidate.machine),
    measures,
    unmatched: from.length + to.length - 2 * measures.length,
  };
}

type RatioInterval = (base: SeriesBody, candidate: SeriesBody) => Interval;

/** Measured apart. */
export function ratioOf(base: SeriesBody, candidate: SeriesBody): Interval {
  return ratioInterval(measured(base), measured(candidate));
}

/** Measured in turn, in the same rounds. */
export function pairedRatioOf(base: SeriesBody, candidate: SeriesBody): Interval {
  return pairedRatioInterval(base.samples, candidate.samples);
}

/** Of all measures that both have. */
export function compareSeries(base: readonly SeriesBody[], candidate: readonly SeriesBody[], ratio: RatioInterval): readonly Compared[] {
  const known = new Map(base.map((series) => [keyOf(series), series]));
  return candidate.flatMap((series) => {
    const other = known.get(keyOf(series));
    if (other === undefined) return [];
    const { suite, case: name, measure, unit, better } = series;
    const gain = gainOf(ratio(other, series), better);
    return {
      suite,
      case: name,
      measure,
      unit,
      better,
      base: other.median,
      candidate: series.median,
      gain,
      verdict: verdictOf(gain, TOLERANCE),
    };
  });
}

export function keyOf({ suite, case: name, measure }: Pick<SeriesBody, 'suite' | 'case' | 'measure'>): string {
  return JSON.stringify([suite, name, measure]);
}

function measured({ samples }: SeriesBody): number[] {
  return samples.filter((sample) => sample !== null);
}
