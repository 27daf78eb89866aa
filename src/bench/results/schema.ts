/**
 * A benchmark as JSON: what `--json` prints, what is stored, what is compared. docs/bench.md describes it. A change that readers of the
 * old form cannot read makes the version one more.
 */
import { z } from 'zod';

export const SCHEMA_VERSION = 1;

export const machineSchema = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryBytes: z.number(),
  os: z.string(),
  node: z.string(),
  /** Of the last minute, when the run began: near 0 on a machine that is quiet. */
  loadAverage: z.number(),
});
export type MachineFacts = z.output<typeof machineSchema>;

const targetSchema = z.object({
  name: z.string(),
  kind: z.enum(['ours', 'llama.cpp', 'mlx-lm', 'url']),
  model: z.string(),
  contextTokens: z.number().nullable(),
  facts: z.record(z.string(), z.string()),
});

const seriesSchema = z.object({
  suite: z.string(),
  case: z.string(),
  /** Where the case lies on the axis of a plot; null where there is none. */
  x: z.object({ label: z.string(), value: z.number() }).nullable(),
  measure: z.string(),
  unit: z.string(),
  better: z.enum(['higher', 'lower']),
  /** Whether a gate judges it. */
  gated: z.boolean(),
  target: z.string(),
  /** By round; null where a round has none. */
  samples: z.array(z.number().nullable()),
  median: z.number(),
  /** Bootstrap interval of the median. */
  low: z.number(),
  high: z.number(),
});
export type SeriesBody = z.output<typeof seriesSchema>;

export const benchmarkSchema = z.object({
  object: z.literal('benchmark'),
  schemaVersion: z.literal(SCHEMA_VERSION),
  id: z.string().regex(/^[\w-]{1,64}$/),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
  label: z.string().nullable(),
  /** False: it was ended before all was measured, or a target failed. */
  complete: z.boolean(),
  seconds: z.number(),
  settings: z.object({
    suites: z.array(z.string()),
    quick: z.boolean(),
    rounds: z.number(),
    warmUps: z.number(),
    seed: z.number(),
    confidence: z.number(),
    resamples: z.number(),
  }),
  machine: machineSchema,
  /** The first is what the others are compared with. */
  targets: z.array(targetSchema),
  series: z.array(seriesSchema),
  skipped: z.array(z.object({ suite: z.string(), target: z.string(), reason: z.string() })),
  failures: z.array(z.object({ suite: z.string(), target: z.string(), code: z.string(), message: z.string() })),
});
export type BenchmarkBody = z.output<typeof benchmarkSchema>;

/** Whether figures of one say something about figures of the other. */
export function isSameMachine(a: MachineFacts, b: MachineFacts): boolean {
  return a.cpu === b.cpu && a.cores === b.cores && a.os === b.os;
}
