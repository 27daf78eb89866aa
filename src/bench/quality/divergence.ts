/** How far models are from the first one on a text. */
import { openTokenizer } from '../../adapters/tokenizer/open-tokenizer.js';
import { SemanticError } from '../../core/domain/errors.js';
import { GREEDY } from '../../core/domain/sampling.js';
import type { OpenedModel } from './open-model.js';

export interface Divergence {
  /** KL(first || this) of the next token's distribution, nats: over all tokens of the text, and the largest of one. */
  readonly meanKl: number;
  readonly largestKl: number;
  /** Share of tokens after which both find the same token most likely. */
  readonly agreement: number;
  /** exp of the mean surprise at the next token of the text, nats; of all tokens but the first. */
  readonly perplexity: number;
}

/** The first `count` tokens of a text. */
export async function firstTokens(model: string, text: string, count: number): Promise<Int32Array> {
  const { tokenizer } = await openTokenizer(model);
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).subarray(0, count);
  if (ids.length < count) throw new SemanticError('InvalidRequest', `[bench] the text has ${ids.length} tokens, wanted ${count}`);
  return ids;
}

const CHUNK = 128;

/** Feeds every model the text, whatever it would have said itself, and compares each distribution with the first model's. */
export async function score(models: readonly OpenedModel[], ids: Int32Array): Promise<Divergence[]> {
  const totals = models.map(() => ({ sum: 0, largest: 0, agreed: 0, surprise: 0 }));
  const sequences = await Promise.all(models.map(({ runner }) => runner.createSequence(GREEDY)));
  for (let at = 0; at < ids.length; at += CHUNK) {
    const chunk = ids.subarray(at, at + CHUNK);
    const logits: Float32Array[] = [];
    for (const [i, { runner }] of models.entries()) logits.push(await runner.scoreTokens(sequences[i]!, chunk));
    for (let row = 0; row < chunk.length; row++) {
      const rows = logits.map((all) => all.subarray((row * all.length) / chunk.length, ((row + 1) * all.length) / chunk.length));
      const norms = rows.map(logNorm);
      const best = rows.map(argmax);
      for (const [i, total] of totals.entries()) {
        const kl = divergence(rows[0]!, norms[0]!, rows[i]!, norms[i]!);
        total.sum += kl;
        total.largest = Math.max(total.largest, kl);
        total.agreed += best[i] === best[0] ? 1 : 0;
        const next = ids[at + row + 1];
        if (next !== undefined) total.surprise += norms[i]! - rows[i]![next]!;
      }
    }
  }
  for (const [i, { runner }] of models.entries()) await runner.dropSequence(sequences[i]!);
  return totals.map(({ sum, largest, agreed, surprise }) => ({
    meanKl: sum / ids.length,
    largestKl: largest,
    agreement: agreed / ids.length,
    perplexity: Math.exp(surprise / (ids.length - 1)),
  }));
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
