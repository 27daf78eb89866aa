import { performance } from 'node:perf_hooks';

import { KV_FORMATS, type KvFormat } from '#src/core/domain/kv-format.js';
import { GREEDY } from '#src/core/domain/sampling.js';

import { firstTokens, score, type Divergence } from '#src/bench/quality/divergence.js';
import { median } from '#src/bench/statistics/median.js';
import { decode, openModel, prefill, type OpenedModel, type OursOptions } from './ours.js';

/** Divergence from f32, and: */
export interface KvQuality extends Divergence {
  readonly format: KvFormat;
  readonly bytesPerToken: number;
  /** Median of the rounds, tokens/s after `depth` tokens of context, and its median share of what f16 did in the same round. */
  readonly decodeRate: number;
  readonly decodeShare: number;
}

/** What each KV format costs in quality on the first `tokens` tokens of `text`, and in speed at `depth`; f32 comes first. */
export async function kvQuality(
  options: OursOptions,
  text: string,
  tokens: number,
  depth: number,
  steps: number,
  rounds: number,
): Promise<KvQuality[]> {
  const ids = await firstTokens(options.model, text, tokens);
  const opened: OpenedModel[] = [];
  for (const kvFormat of KV_FORMATS) opened.push(await openModel({ ...options, kvFormat }));
  const scores = await score(opened, ids);
  const rates = await decodeRates(opened, depth, steps, rounds);
  const f16 = rates[KV_FORMATS.indexOf('f16')]!;
  const results = opened.map(({ runner }, i) => ({
    format: KV_FORMATS[i]!,
    bytesPerToken: runner.kvBytesPerToken,
    ...scores[i]!,
    decodeRate: median(rates[i]!),
    decodeShare: median(rates[i]!.map((rate, round) => rate / f16[round]!)),
  }));
  for (const { native } of opened) await native.close();
  return results;
}

/** Tokens/s of each model in each round. The models take turns within a round, always from `depth` tokens on. */
async function decodeRates(models: readonly OpenedModel[], depth: number, steps: number, rounds: number): Promise<number[][]> {
  const rates: number[][] = models.map(() => []);
  const sequences: number[] = [];
  for (const { runner } of models) {
    const sequence = await runner.createSequence(GREEDY);
    await prefill(runner, sequence, depth);
    await decode(runner, [sequence], steps);
    sequences.push(sequence);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, { runner }] of models.entries()) {
      await runner.truncateSequence(sequences[i]!, depth);
      const start = performance.now();
      await decode(runner, [sequences[i]!], steps);
      rates[i]!.push((steps * 1000) / (performance.now() - start));
    }
  }
  return rates;
}
