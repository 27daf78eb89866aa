/** Tiny encoders against transformers, on both executors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEncoder } from '../../src/adapters/mlx/native-encoder.js';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import { POOLINGS } from '../../src/core/domain/pooling.js';
import { buildEncoderSpec } from '../../src/core/models/encoder-registry.js';
import { readTinyEncoder, TINY_ENCODERS } from './encoder-golden.js';
import { EXECUTORS, openEngine } from './engines.js';

const TOLERANCE = 1e-4; // of values of size 1, in f32; the weights are wide, so attention is sharp

describe.each(EXECUTORS)('on the %s executor', (executor) => {
  let engine: NativeEngine;
  beforeAll(() => {
    engine = openEngine(executor);
  });
  afterAll(() => engine.close());

  describe.each(TINY_ENCODERS)('%s', (name) => {
    const golden = readTinyEncoder(name);
    let encoder: NativeEncoder;
    beforeAll(async () => {
      const checkpoint = await readCheckpoint(golden.model);
      encoder = await engine.loadEncoder(checkpoint, buildEncoderSpec(checkpoint));
    });
    afterAll(() => encoder?.unload());

    it.each(POOLINGS)('gives the vectors of transformers, pooled by %s, for inputs of 1 to 280 tokens in one batch', async (pooling) => {
      const { vectors } = await encoder.encode(golden.inputs, pooling);
      expect(vectors).toHaveLength(golden.inputs.length);
      for (const [i, vector] of vectors.entries()) {
        expect(largest(vector, golden.vector(i, pooling)), `input ${i}`).toBeLessThan(TOLERANCE);
      }
    });

    it('gives each input alone the same', async () => {
      for (const [i, input] of golden.inputs.entries()) {
        const { vectors } = await encoder.encode([input], 'mean');
        expect(largest(vectors[0]!, golden.vector(i, 'mean')), `input ${i}`).toBeLessThan(TOLERANCE);
      }
    });
  });
});

function largest(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0);
}
