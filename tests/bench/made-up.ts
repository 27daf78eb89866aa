/** Benchmarks that nobody measured. */
import { makeBenchmark, seriesBody } from '../../src/bench/results/make-benchmark.js';
import type { BenchmarkBody, SeriesBody } from '../../src/bench/results/schema.js';
import { Seeded } from '../../src/bench/statistics/seeded.js';

export const MACHINE = { cpu: 'Made-up 9000', cores: 2, memoryBytes: 8e9, os: 'Linux 6 x64', node: 'v20.19.0', loadAverage: 0.1 };

export interface MadeUpSeries {
  readonly suite?: string;
  readonly case?: string;
  readonly measure?: string;
  readonly better?: 'higher' | 'lower';
  readonly gated?: boolean;
  readonly target?: string;
  readonly x?: number;
  readonly samples: readonly (number | null)[];
}

export function series(made: MadeUpSeries): SeriesBody {
  const { suite = 'decode', measure = 'rate', better = 'higher', gated = true, target = 'semantic', x, samples } = made;
  return seriesBody({
    suite,
    case: made.case ?? 'behind 128 tokens',
    x: x === undefined ? null : { label: 'tokens of the prompt', value: x },
    measure: { name: measure, unit: better === 'higher' ? 'tokens/s' : 'ms', better, gated },
    target,
    samples,
  });
}

export function benchmark(all: readonly SeriesBody[], changed: Partial<BenchmarkBody> = {}): BenchmarkBody {
  const plan = {
    targets: [],
    suites: [],
    options: { quick: false, contextTokens: 8192, other: null, inProcess: null },
    prompts: null as never,
    rounds: 5,
    warmUps: 1,
    seed: 1,
  };
  const outcome = { series: [], skipped: [], failures: [], isComplete: true };
  const facts = { startedAt: new Date(0), seconds: 12, label: null, machine: MACHINE };
  const targets = [...new Set(all.map(({ target }) => target))].map((name) => ({
    name,
    kind: 'ours' as const,
    model: 'tiny',
    contextTokens: 8192,
    facts: { version: '0.1.0' },
  }));
  return { ...makeBenchmark(plan, outcome, facts), targets, series: [...all], ...changed };
}

/** Around a middle, with noise of so large a share. */
export function noisy(middle: number, share: number, count: number, seed: number): number[] {
  const random = new Seeded(seed);
  return Array.from({ length: count }, () => middle * (1 + share * (2 * random.next() - 1)));
}
