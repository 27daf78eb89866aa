/** What a run came to, as it is stored. */
import { randomBytes } from 'node:crypto';
import type { RunOutcome, RunPlan, Series } from '../run/run-suites.js';
import { BOOTSTRAP, medianInterval } from '../statistics/bootstrap.js';
import { type BenchmarkBody, type MachineFacts, SCHEMA_VERSION, type SeriesBody } from './schema.js';

export interface RunFacts {
  readonly startedAt: Date;
  readonly seconds: number;
  readonly label: string | null;
  readonly machine: MachineFacts;
}

export function makeBenchmark(plan: RunPlan, outcome: RunOutcome, { startedAt, seconds, label, machine }: RunFacts): BenchmarkBody {
  const { suites, rounds, warmUps, seed, options, targets } = plan;
  const { confidence, resamples } = BOOTSTRAP;
  return {
    object: 'benchmark',
    schemaVersion: SCHEMA_VERSION,
    id: newId(startedAt),
    createdAt: startedAt.toISOString(),
    label,
    complete: outcome.isComplete && outcome.failures.length === 0,
    seconds,
    settings: { suites: suites.map(({ name }) => name), quick: options.quick, rounds, warmUps, seed, confidence, resamples },
    machine,
    targets: targets.map(({ name, kind, model, contextTokens, facts }) => ({ name, kind, model, contextTokens, facts: { ...facts } })),
    series: outcome.series.map(seriesBody),
    skipped: outcome.skipped.map((skipped) => ({ ...skipped })),
    failures: outcome.failures.map(({ suite, target, error }) => ({ suite, target, code: error.code, message: error.message })),
  };
}

export function seriesBody({ suite, case: name, x, measure, target, samples }: Series): SeriesBody {
  const { low, middle, high } = medianInterval(samples.filter((sample) => sample !== null));
  const { name: measureName, unit, better, gated } = measure;
  return { suite, case: name, x, measure: measureName, unit, better, gated, target, samples: [...samples], median: middle, low, high };
}

/** Sorts by time, and is short enough to be typed from its end. */
function newId(at: Date): string {
  const digits = at.toISOString().replace(/\D/g, '').slice(0, 14);
  return `${digits.slice(0, 8)}-${digits.slice(8)}-${randomBytes(2).toString('hex')}`;
}
