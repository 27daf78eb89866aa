/** Agents that share a prefix against agents that hold a copy of it each. */
import { performance } from 'node:perf_hooks';

import { GREEDY } from '#src/core/domain/sampling.js';

import { median } from '#src/bench/statistics/median.js';
import { decode, openModel, type OpenedModel, type OursOptions, prefill } from './ours.js';

export interface SharedPrefix {
  /** Tokens per second of all agents. */
  readonly sharedRate: number;
  readonly privateRate: number;
  /** KV of all agents after decoding. */
  readonly sharedBytes: number;
  readonly privateBytes: number;
}

/** `steps` tokens each after a prefix of `tokens`; medians of `rounds`, both in turn. */
export async function sharedPrefix(
  options: OursOptions,
  { agents, tokens, steps, rounds }: { readonly agents: number; readonly tokens: number; readonly steps: number; readonly rounds: number },
): Promise<SharedPrefix> {
  const opened = await openModel(options);
  const { runner } = opened;
  const copies: number[] = [];
  for (let i = 0; i < agents; i++) {
    const sequence = await runner.createSequence(GREEDY);
    await prefill(runner, sequence, tokens);
    copies.push(sequence);
  }
  const shared: Family[] = [];
  const own: Family[] = [];
  for (let round = 0; round < rounds; round++) {
    shared.push(
      await decodeForks(
        opened,
        copies.map(() => copies[0]!),
        tokens,
        steps,
      ),
    );
    own.push(await decodeForks(opened, copies, tokens, steps)); // each of its own copy, so that both start at the same depth
  }
  const copyBytes = opened.native.stats().kvBytes / agents;
  await opened.native.close();
  return {
    sharedRate: median(shared.map(({ rate }) => rate)),
    privateRate: median(own.map(({ rate }) => rate)),
    sharedBytes: shared[0]!.kvBytes - (agents - 1) * copyBytes, // without the copies that are not of this family
    privateBytes: own[0]!.kvBytes,
  };
}

interface Family {
  readonly rate: number;
  readonly kvBytes: number;
}

async function decodeForks({ native, runner }: OpenedModel, parents: readonly number[], tokens: number, steps: number): Promise<Family> {
  const children: number[] = [];
  for (const parent of parents) children.push((await runner.forkSequence(parent, tokens, GREEDY)).sequence);
  const start = performance.now();
  await decode(runner, children, steps);
  const rate = (steps * children.length * 1000) / (performance.now() - start);
  const { kvBytes } = native.stats();
  for (const child of children) await runner.dropSequence(child);
  return { rate, kvBytes };
}
