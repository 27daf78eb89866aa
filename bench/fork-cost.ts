import { performance } from 'node:perf_hooks';

import { median } from '#src/bench/statistics/median.js';
import { GREEDY } from '#src/core/domain/sampling.js';

import { decode, openModel, prefill, type OpenedModel, type OursOptions } from './ours.js';

export interface ForkCost {
  readonly tokens: number;
  /** All forks together. */
  readonly forkMillis: number;
  /** KV bytes that the forks allocated and copied. */
  readonly forkedBytes: number;
  /** KV bytes that their first step copied. */
  readonly copiedBytes: number;
  /** KV bytes of the sequence alone, and of it with its children after they decoded. */
  readonly parentBytes: number;
  readonly familyBytes: number;
  /** What their new tokens take by themselves. */
  readonly newTokenBytes: number;
  /** One step of all children. */
  readonly stepMillis: number;
}

/** `forks` children of a sequence of `tokens` tokens, each of which then decodes `steps` tokens; medians of `rounds`. */
export async function forkCost(options: OursOptions, tokens: number, forks: number, steps: number, rounds: number): Promise<ForkCost> {
  const opened = await openModel(options);
  const samples: ForkCost[] = [];
  for (let i = 0; i < rounds; i++) samples.push(await once(opened, tokens, forks, steps));
  await opened.native.close();
  const middle = (of: (sample: ForkCost) => number): number => median(samples.map(of));
  return {
    ...samples[0]!,
    forkMillis: middle((s) => s.forkMillis),
    stepMillis: middle((s) => s.stepMillis),
  };
}

async function once({ native, runner }: OpenedModel, tokens: number, forks: number, steps: number): Promise<ForkCost> {
  const parent = await runner.createSequence(GREEDY);
  await prefill(runner, parent, tokens);
  const before = native.stats();

  const children: number[] = [];
  const start = performance.now();
  for (let i = 0; i < forks; i++) children.push((await runner.forkSequence(parent, tokens, GREEDY)).sequence);
  const forkMillis = performance.now() - start;
  const forked = native.stats();

  const from = performance.now();
  await decode(runner, children, steps);
  const stepMillis = (performance.now() - from) / steps;
  const decoded = native.stats();
  for (const sequence of [parent, ...children]) await runner.dropSequence(sequence);
  return {
    tokens,
    forkMillis,
    forkedBytes: forked.kvBytes - before.kvBytes + forked.kvCopiedBytes - before.kvCopiedBytes,
    copiedBytes: decoded.kvCopiedBytes - forked.kvCopiedBytes,
    parentBytes: before.kvBytes,
    familyBytes: decoded.kvBytes,
    newTokenBytes: forks * steps * runner.kvBytesPerToken,
    stepMillis,
  };
}
