/** A batch of embeddings beside an answer, on the real engine: what runs between what, in counts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEngine } from '../../../src/adapters/mlx/native-engine.js';
import type { NativeRunner } from '../../../src/adapters/mlx/native-runner.js';
import { readCheckpoint } from '../../../src/adapters/model-files/read-checkpoint.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import { EmbeddingQueue } from '../../../src/core/embedding/embedding-queue.js';
import { EmbeddingTurns } from '../../../src/core/embedding/embedding-turns.js';
import { buildEncoderSpec } from '../../../src/core/models/encoder-registry.js';
import type { EncoderRunner } from '../../../src/core/ports.js';
import { loadModel, openEngine } from '../../parity/engines.js';
import { embeddingModelFolder, starterModelFile } from '../../support/starter-model.js';

let engine: NativeEngine;
let decoder: NativeRunner;
let encoder: EncoderRunner;
beforeAll(async () => {
  engine = openEngine('cpu');
  decoder = await loadModel(engine, starterModelFile());
  const checkpoint = await readCheckpoint(embeddingModelFolder());
  encoder = await engine.loadEncoder(checkpoint, buildEncoderSpec(checkpoint));
});
afterAll(() => engine.close());

const SLICE = 256;
const INPUTS = 40;

describe('a batch of 40 long inputs beside an answer', () => {
  it('lets steps run between any two of its slices, and ends', async () => {
    const happened: string[] = [];
    let decoding = true;
    const watched: EncoderRunner = {
      ...encoder,
      contextLength: encoder.contextLength,
      vocabSize: encoder.vocabSize,
      hiddenSize: encoder.hiddenSize,
      weightBytes: encoder.weightBytes,
      unload: () => Promise.resolve(),
      async encode(inputs, pooling) {
        expect(inputs.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(SLICE);
        const output = await encoder.encode(inputs, pooling);
        happened.push(decoding ? 'slice' : 'late slice');
        return output;
      },
    };
    const queue = new EmbeddingQueue(new EmbeddingTurns(engine.steps, 0.55), {
      maxRequests: 1,
      sliceTokens: SLICE,
      retryAfterSeconds: 1,
      maxRetryAfterSeconds: 1,
    });
    const model = { runner: watched, pooling: 'mean' } as const;
    const inputs = Array.from({ length: INPUTS }, (_, i) => new Int32Array(200).fill(2000 + i));
    const embedding = queue.embed(model, inputs, { key: 'a', signal: new AbortController().signal });
    const sequence = await decoder.createSequence(GREEDY);
    let token = 1;
    for (let i = 0; i < 100; i++) {
      const { samples } = await decoder.step({ entries: [{ sequence, tokens: Int32Array.of(token), sample: true }] });
      token = samples[0]!.token;
      happened.push('step');
    }
    decoding = false;
    expect(await embedding).toHaveLength(INPUTS);
    const order = happened.join(' ');
    expect(order).not.toMatch(/\bslice slice\b/);
    expect(happened.filter((what) => what === 'slice').length).toBeGreaterThan(1); // it was not held up either
    expect(engine.stats().encodes).toBe(INPUTS); // an input of 200 tokens fills a slice of 256
  });
});
