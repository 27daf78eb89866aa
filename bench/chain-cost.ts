/** What a chain of forks costs a sequence that goes on at its end, against one of the same tokens that was never forked. */
import { performance } from 'node:perf_hooks';

import { GREEDY } from '#src/core/domain/sampling.js';
import { decode, openModel, type OpenedModel, type OursOptions, prefill } from './ours.js';
import { median } from '#src/bench/statistics/median.js';

export interface ChainCost {
  readonly links: number;
  /** One decode step, median over `rounds`. */
  readonly stepMillis: number;
}

/** An append to a shared buffer of fewer tokens copies it, and there is no chain. */
export const LINK_TOKENS = 256;

/**
 * Sequences of `tokens` tokens in all, the last so many times LINK_TOKENS of them behind a fork each whose parent stays alive, so that nothing can be
 * joined; then `steps` decode steps, in turn with one that was never forked (links 0).
 */
export async function chainCost(
  options: OursOptions,
  tokens: number,
  links: readonly number[],
  steps: number,
  rounds: number,
): Promise<ChainCost[]> {
  const opened = await openModel(options);
  const times = new Map<number, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const count of [0, ...links]) {
      const ms = await once(opened, tokens, count, steps);
      times.set(count, [...(times.get(count) ?? []), ms]);
    }
  }
  await opened.native.close();
  return Array.from(times, ([count, all]) => ({ links: count, stepMillis: median(all) }));
}

async function once({ runner }: OpenedModel, tokens: number, links: number, steps: number): Promise<number> {
  const chain = [await runner.createSequence(GREEDY)];
  let length = tokens - links * LINK_TOKENS;
  await prefill(runner, chain[0]!, length);
  for (let i = 0; i < links; i++) {
    const { sequence } = await runner.forkSequence(chain.at(-1)!, length, GREEDY);
    chain.push(sequence);
    await prefill(runner, sequence, LINK_TOKENS);
    length += LINK_TOKENS;
  }
  const from = performance.now();
  await decode(runner, [chain.at(-1)!], steps);
  const ms = (performance.now() - from) / steps;
  for (const sequence of chain) await runner.dropSequence(sequence);
  return ms;
}
