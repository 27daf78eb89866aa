import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import type { EncoderSpec } from '../../src/core/domain/encoder-spec.js';
import { buildEncoderSpec } from '../../src/core/models/encoder-registry.js';
import { readTinyEncoder } from '../parity/encoder-golden.js';
import { ENGINE_OPTIONS, GREEDY, native, rejection } from './support/addon.js';
import { tinyModel } from './support/tiny-model.js';

const golden = readTinyEncoder('bert-f32');
let spec: EncoderSpec;
let files: readonly string[];
beforeAll(async () => {
  const checkpoint = await readCheckpoint(golden.model);
  spec = buildEncoderSpec(checkpoint);
  files = checkpoint.files;
});

function planOf(model: Native.ModelId, inputs: readonly Int32Array[], pooling: Native.Pooling = 'mean'): Native.EncodePlan {
  const counts = Int32Array.from(inputs, (input) => input.length);
  return { model, counts, tokens: Int32Array.from(inputs.flatMap((input) => [...input])), pooling };
}

const bits = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** An engine of its own with the encoder in it. */
async function withEncoder<T>(
  options: Partial<Native.EngineOptions>,
  use: (engine: Native.Engine, model: Native.ModelId) => Promise<T>,
): Promise<T | null> {
  let engine: Native.Engine;
  try {
    engine = new native.Engine({ ...ENGINE_OPTIONS, ...options });
  } catch {
    return null; // this machine has no such instruction set
  }
  try {
    const { model } = await engine.loadEncoder({ spec, files, executor: 'cpu' });
    return await use(engine, model);
  } finally {
    await engine.close();
  }
}

describe('encode() on the cpu executor', () => {
  it('gives an input the same bits alone, in company, and in company in another order', async () => {
    await withEncoder({}, async (engine, model) => {
      const width = spec.hiddenSize;
      const all = await engine.encode(planOf(model, golden.inputs));
      const reversed = await engine.encode(planOf(model, [...golden.inputs].reverse()));
      for (const [i, input] of golden.inputs.entries()) {
        const alone = await engine.encode(planOf(model, [input]));
        const at = (vectors: Float32Array, index: number): Buffer => bits(vectors.subarray(index * width, (index + 1) * width));
        expect(at(all.vectors, i).equals(bits(alone.vectors)), `input ${i}`).toBe(true);
        expect(at(reversed.vectors, golden.inputs.length - 1 - i).equals(bits(alone.vectors)), `input ${i}, reversed`).toBe(true);
      }
    });
  });

  it('gives the same bits with every number of threads and on every instruction set that fuses', async () => {
    const want = (await withEncoder({ threads: 1 }, (engine, model) => engine.encode(planOf(model, golden.inputs))))!;
    expect(want.vectors).toHaveLength(golden.inputs.length * spec.hiddenSize);
    for (const options of [{ threads: 3 }, { threads: 8 }, { instructionSet: 'avx2' }, { instructionSet: 'neon' }] as const) {
      const got = await withEncoder(options, (engine, model) => engine.encode(planOf(model, golden.inputs)));
      if (got !== null) expect(bits(got.vectors).equals(bits(want.vectors)), `${JSON.stringify(options)}`).toBe(true);
    }
  });

  it('gives nearly the same on the portable one', async () => {
    const want = (await withEncoder({}, (engine, model) => engine.encode(planOf(model, golden.inputs))))!;
    const got = (await withEncoder({ instructionSet: 'portable' }, (engine, model) => engine.encode(planOf(model, golden.inputs))))!;
    const worst = want.vectors.reduce((most, x, i) => Math.max(most, Math.abs(x - got.vectors[i]!)), 0);
    expect(worst).toBeLessThan(1e-5);
  });

  it('crosses once for a batch, keeps no KV, and counts what it read', async () => {
    await withEncoder({}, async (engine, model) => {
      await engine.encode(planOf(model, golden.inputs));
      const tokens = golden.inputs.reduce((sum, { length }) => sum + length, 0);
      expect(engine.stats()).toMatchObject({ encodes: 1, tokensEncoded: tokens, kvBytes: 0, sequences: 0, steps: 0 });
    });
  });
});

describe('an encoder beside a decoder', () => {
  it('has an id of its own and goes by itself; neither answers to the other one', async () => {
    const engine = new native.Engine(ENGINE_OPTIONS);
    const tiny = tinyModel({ contextLength: 64 });
    const decoder = await engine.loadModel({ spec: tiny.spec, files: [tiny.file], executor: 'cpu', kvFormat: 'f32' });
    const before = engine.stats().weightBytes;
    const encoder = await engine.loadEncoder({ spec, files, executor: 'cpu' });
    expect(encoder.model).not.toBe(decoder.model);
    expect(engine.stats().weightBytes).toBe(before + encoder.weightBytes);
    expect(await rejection(engine.createSequence(encoder.model, GREEDY))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await rejection(engine.encode(planOf(decoder.model, golden.inputs)))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await engine.unloadModel(encoder.model);
    expect(engine.stats().weightBytes).toBe(before);
    expect(await rejection(engine.encode(planOf(encoder.model, golden.inputs)))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await engine.createSequence(decoder.model, GREEDY);
    await engine.close();
  });
});

describe('a plan is refused that', () => {
  const input = Int32Array.of(1, 2, 3);
  it.each([
    ['has no inputs', { counts: new Int32Array(), tokens: new Int32Array() }, 'without inputs'],
    ['has an empty input', { counts: Int32Array.of(0), tokens: new Int32Array() }, 'counts[0] should be in 1..280, is 0'],
    ['has an input longer than the positions there are', { counts: Int32Array.of(281), tokens: new Int32Array(281) }, 'is 281'],
    ['has counts that are not those of its tokens', { counts: Int32Array.of(2), tokens: input }, 'the length 2'],
    [
      'names a token that is not in the vocabulary',
      { counts: Int32Array.of(1), tokens: Int32Array.of(311) },
      'token 311 out of range 0..310',
    ],
    ['names a negative token', { counts: Int32Array.of(1), tokens: Int32Array.of(-1) }, 'token -1 out of range'],
    ['pools by something else', { counts: Int32Array.of(3), tokens: input, pooling: 'max' as Native.Pooling }, 'pooling'],
  ])('%s', async (_, change, message) => {
    await withEncoder({}, async (engine, model) => {
      const error = await rejection(engine.encode({ ...planOf(model, [input]), ...change }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(message) as string });
      expect(engine.stats().encodes).toBe(0);
    });
  });

  it('needs more memory than the budget leaves', async () => {
    await withEncoder({ memoryBudgetBytes: 1_000_000 }, async (engine, model) => {
      const error = await rejection(
        engine.encode(
          planOf(
            model,
            Array.from({ length: 20 }, () => new Int32Array(280)),
          ),
        ),
      );
      expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', origin: 'engine.admit' });
      expect(error.message).toContain('encoding 5600 tokens');
    });
  });
});

describe('loadEncoder()', () => {
  let engine: Native.Engine;
  beforeAll(() => {
    engine = new native.Engine(ENGINE_OPTIONS);
  });
  afterAll(() => engine.close());

  it('names what is wrong in the spec', async () => {
    const cases: readonly (readonly [object, string])[] = [
      [{ headDim: 20 }, 'spec.headDim'],
      [{ layers: [] }, 'spec.layers'],
      [{ embeddingNorm: undefined }, 'spec.embeddingNorm'],
      [{ tokens: { ...spec.tokens, inFeatures: 71 } }, 'inFeatures'],
    ];
    for (const [change, where] of cases) {
      const error = await rejection(engine.loadEncoder({ spec: { ...spec, ...change }, files, executor: 'cpu' }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(where) as string });
    }
  });

  it.each(['cpu', 'mlx'] as const)('names a tensor that is not there or has another shape, on %s', async (executor) => {
    const missing = { ...spec, positions: { name: 'nowhere', ops: [] } };
    expect((await rejection(engine.loadEncoder({ spec: missing, files, executor }))).message).toContain('lacks 1 tensor: nowhere');
    const short = { ...spec, contextLength: 281 };
    const error = await rejection(engine.loadEncoder({ spec: short, files, executor }));
    expect(error).toMatchObject({ code: 'ERR_MODEL_FILE', message: expect.stringContaining('should have shape [281, 72]') as string });
  });

  it('refuses one that the budget does not hold, before it opens it', async () => {
    const small = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes: 100_000 });
    expect(await rejection(small.loadEncoder({ spec, files, executor: 'cpu' }))).toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
      origin: 'engine.admit',
    });
    await small.close();
  });
});
