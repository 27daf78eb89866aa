/** all-MiniLM-L6-v2 against sentence-transformers on the same weights: see tests/fixtures/embeddings/generate.py. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEncoder } from '../../src/adapters/mlx/native-encoder.js';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import { openTokenizer } from '../../src/adapters/tokenizer/open-tokenizer.js';
import { buildEncoderSpec } from '../../src/core/models/encoder-registry.js';
import { embeddingModelFolder } from '../support/starter-model.js';
import { cosine, readSentences } from './encoder-golden.js';
import { EXECUTORS, openEngine } from './engines.js';

const golden = readSentences();
/** Through a graph on a CPU 100 take a minute: every eighth of them, then. */
const chosen = (executor: string): number[] => [...golden.ids.keys()].filter((i) => executor === 'cpu' || i % 8 === 0);

it('its tokenizer gives every sentence the ids of the reference', async () => {
  const { tokenizer } = await openTokenizer(embeddingModelFolder());
  const cut = golden.maxTokens - 1; // of what is longer the reference keeps the frame
  for (const [i, text] of golden.sentences.entries()) {
    const ids = [...tokenizer.encode(text, { addSpecialTokens: true })];
    const expected = golden.ids[i]!;
    if (ids.length <= golden.maxTokens) expect(ids, `${text}`).toEqual(expected);
    else expect(ids.slice(0, cut), `${text}`).toEqual(expected.slice(0, cut));
  }
});

describe.each(EXECUTORS)('on the %s executor', (executor) => {
  let engine: NativeEngine;
  let encoder: NativeEncoder;
  beforeAll(async () => {
    engine = openEngine(executor);
    const checkpoint = await readCheckpoint(embeddingModelFolder());
    encoder = await engine.loadEncoder(checkpoint, buildEncoderSpec(checkpoint));
  });
  afterAll(() => engine.close());

  it('has the vectors of the reference, all in one batch, and each alone', async () => {
    const which = chosen(executor);
    const inputs = which.map((i) => Int32Array.from(golden.ids[i]!));
    const { vectors } = await encoder.encode(inputs, 'mean');
    const batched = vectors.map((vector, i) => cosine(vector, golden.vectors[which[i]!]!));
    const alone: number[] = [];
    for (const [i, input] of inputs.entries())
      alone.push(cosine((await encoder.encode([input], 'mean')).vectors[0]!, golden.vectors[which[i]!]!));
    console.log(`smallest cosine to sentence-transformers, ${executor}: batched ${Math.min(...batched)}, alone ${Math.min(...alone)}`);
    expect(batched).toHaveLength(executor === 'cpu' ? 100 : 13);
    expect(Math.min(...batched, ...alone)).toBeGreaterThan(0.99999);
  });
});
