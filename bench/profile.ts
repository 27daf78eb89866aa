/** Where the time of a step goes on the `cpu` executor: the engine's own counters, and what is left of the wall clock for JavaScript. */
import { performance } from 'node:perf_hooks';

import type { NativeEngine } from '#src/adapters/mlx/native-engine.js';
import { GREEDY } from '#src/core/domain/sampling.js';
import type { StepPart, StepProfile } from '../native/index.js';
import { decode, openModel, prefill, type OursOptions } from './ours.js';
import { figure, type Table, table } from './table.js';

export interface ProfiledWork {
  readonly name: string;
  /** Milliseconds of one decoding step, or of the whole prefill. */
  readonly wall: number;
  /** Work and waiting of each part, in order. */
  readonly parts: Readonly<Record<StepPart, number>>;
  /** Of that, waiting for the other threads. */
  readonly waiting: number;
  /** Checking and planning. */
  readonly planning: number;
  /** Between steps: JavaScript and the crossing. */
  readonly between: number;
}

export interface ProfileWorkloads {
  readonly prefills: readonly number[];
  readonly depths: readonly number[];
  readonly sequences: readonly number[];
  /** Tokens decoded per sequence. */
  readonly steps: number;
}

export async function profileSteps(
  options: OursOptions,
  work: ProfileWorkloads,
  progress: (line: string) => void,
): Promise<ProfiledWork[]> {
  const { native, runner } = await openModel({ ...options, profile: true });
  const rows: ProfiledWork[] = [];
  const measure = async (name: string, divisor: number, run: () => Promise<void>): Promise<void> => {
    progress(name);
    const before = profileOf(native);
    const start = performance.now();
    await run();
    const wall = performance.now() - start;
    rows.push(perUnit(name, wall, before, profileOf(native), divisor));
  };
  for (const tokens of work.prefills) {
    const sequence = await runner.createSequence(GREEDY);
    await measure(`prefill ${tokens}`, 1, () => prefill(runner, sequence, tokens));
    await runner.dropSequence(sequence);
  }
  for (const depth of work.depths) {
    const sequences: number[] = [];
    for (const count of [...work.sequences].sort((a, b) => a - b)) {
      while (sequences.length < count) {
        sequences.push(await runner.createSequence(GREEDY));
        await prefill(runner, sequences.at(-1)!, Math.max(1, depth));
      }
      await decode(runner, sequences, 4); // memory that is touched for the first time, and threads that have to wake up
      await measure(`decode x ${count} at ${depth}`, work.steps, () => decode(runner, sequences, work.steps));
    }
    for (const sequence of sequences) await runner.dropSequence(sequence);
  }
  await runner.unload();
  await native.close();
  return rows;
}

function profileOf(native: NativeEngine): StepProfile {
  const { profile } = native.stats();
  if (profile === null) throw new Error('[bench] the engine keeps no profile');
  return profile;
}

function perUnit(name: string, wall: number, before: StepProfile, after: StepProfile, divisor: number): ProfiledWork {
  const millis = (micros: number): number => micros / 1000 / divisor;
  const names = Object.keys(after.parts) as StepPart[];
  const work = (part: StepPart): number => after.parts[part].micros - before.parts[part].micros;
  const waiting = (part: StepPart): number => after.parts[part].waitingMicros - before.parts[part].waitingMicros;
  const sum = (of: (part: StepPart) => number): number => names.reduce((total, part) => total + of(part), 0);
  const total = after.totalMicros - before.totalMicros;
  return {
    name,
    wall: wall / divisor,
    parts: Object.fromEntries(names.map((part) => [part, millis(work(part) + waiting(part))])) as Record<StepPart, number>,
    waiting: millis(sum(waiting)),
    planning: millis(total - sum((part) => work(part) + waiting(part))),
    between: wall / divisor - millis(total),
  };
}

const LABELS: Readonly<Record<StepPart, string>> = {
  embedding: 'embedding, angles of RoPE',
  projections: 'norm, q, k, v',
  append: 'RoPE, KV append',
  attention: 'attention',
  output: 'o',
  gate: 'norm, gate, up, activation',
  down: 'down',
  head: 'norm, head',
  sampling: 'sampling',
};

/** A column for each workload, milliseconds. */
export function profileTable(work: readonly ProfiledWork[]): Table {
  const row = (name: string, of: (w: ProfiledWork) => number): string[] => [name, ...work.map((w) => figure(of(w)))];
  return table(
    ['ms', ...work.map(({ name }) => name)],
    [
      ...(Object.keys(LABELS) as StepPart[]).map((part) => row(LABELS[part], (w) => w.parts[part])),
      row('checking, planning', (w) => w.planning),
      row('between steps: JavaScript, crossing', (w) => w.between),
      row('**all**', (w) => w.wall),
      row('of that: waiting at the end of phases', (w) => w.waiting),
    ],
  );
}
