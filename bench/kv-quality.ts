import { performance } from 'node:perf_hooks';

import { openTokenizer } from '#src/adapters/tokenizer/open-tokenizer.js';
import { KV_FORMATS, type KvFormat } from '#src/core/domain/kv-format.js';
import { GREEDY } from '#src/core/domain/sampling.js';

import { median } from './median.js';
import { decode, openModel, prefill, type OpenedModel, type OursOptions } from './ours.js';

export interface KvQuality {
  readonly format: KvFormat;
  readonly bytesPerToken: number;
  /** KL(f32 || format) of the next token's distribution, nats: over all tokens of the text, and the largest of one. */
  readonly meanKl: number;
  readonly largestKl: number;
  /** Share of tokens after which both find the same token most likely. */
  readonly agreement: number;
  /** Median of the rounds, tokens/s after `depth` tokens of context, and its median share of what f16 did in the same round. */
  readonly decodeRate: number;
  readonly decodeShare: number;
}

const CHUNK = 128;

/** What each KV format costs in quality on the first `tokens` tokens of `text`, and in speed at `depth`; f32 comes first. */
export async function kvQuality(
  options: OursOptions,
  text: string,
  tokens: number,
  depth: number,
  steps: number,
  rounds: number,
): Promise<KvQuality[]> {
  const { tokenizer } = await openTokenizer(options.model);
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).subarray(0, tokens);
  if (ids.length < tokens) throw new Error(`the text has ${ids.length} tokens, wanted ${tokens}`);
  const opened: OpenedModel[] = [];
  for (const kvFormat of KV_FORMATS) opened.push(await openModel({ ...options, kvFormat }));
  const scores = await score(opened, ids);
  const rates = await decodeRates(opened, depth, steps, rounds);
  const f16 = rates[KV_FORMATS.indexOf('f16')]!;
  const results = opened.map(({ runner }, i) => ({
    format: KV_FORMATS[i]!,
    bytesPerToken: runner.kvBytesPerToken,
    meanKl: scores[i]!.sum / ids.length,
    largestKl: scores[i]!.largest,
    agreement: scores[i]!.agreed / ids.length,
    decodeRate: median(rates[i]!),
    decodeShare: median(rates[i]!.map((rate, round) => rate / f16[round]!)),
  }));
  for (const { native } of opened) await native.close();
  return results;
}

interface Score {
  sum: number;
  largest: number;
  agreed: number;
}

/** Feeds every model the text, whatever it would have said itself, and compares each distribution with the first model's. */
async function score(models: readonly OpenedModel[], ids: Int32Array): Promise<Score[]> {
  const scores = models.map(() => ({ sum: 0, largest: 0, agreed: 0 }));
  const sequences = await Promise.all(models.map(({ runner }) => runner.createSequence(GREEDY)));
  for (let at = 0; at < ids.length; at += CHUNK) {
    const chunk = ids.subarray(at, at + CHUNK);
    const logits: Float32Array[] = [];
    for (const [i, { runner }] of models.entries()) logits.push(await runner.scoreTokens(sequences[i]!, chunk));
    for (let row = 0; row < chunk.length; row++) {
      const rows = logits.map((all) => all.subarray((row * all.length) / chunk.length, ((row + 1) * all.length) / chunk.length));
      const norms = rows.map(logNorm);
      const best = rows.map(argmax);
      for (const [i, total] of scores.entries()) {
        const kl = divergence(rows[0]!, norms[0]!, rows[i]!, norms[i]!);
        total.sum += kl;
        total.largest = Math.max(total.largest, kl);
        total.agreed += best[i] === best[0] ? 1 : 0;
      }
    }
  }
  for (const [i, { runner }] of models.entries()) await runner.dropSequence(sequences[i]!);
  return scores;
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

/** log of the sum of exp(logits). */
function logNorm(logits: Float32Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - largest);
  return largest + Math.log(sum);
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** Sum of p (log p - log q) over the vocabulary. */
function divergence(p: Float32Array, pNorm: number, q: Float32Array, qNorm: number): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logP = p[i]! - pNorm;
    sum += Math.exp(logP) * (logP - (q[i]! - qNorm));
  }
  return sum;
}
