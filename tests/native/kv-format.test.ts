/** What each KV format takes, and that both executors, who share no code for it, make the same of it. */
import { afterAll, describe, expect, it } from 'vitest';
import { KV_FORMATS } from '../../src/core/domain/kv-format.js';
import { kvLayersOf, ModelCacheSpec } from '../../src/core/domain/model-cache-spec.js';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const V = TINY.vocabSize;
const LENGTH = 300; // past the window, two attention blocks and one KV block
const tokens = tinyTokens(LENGTH);
/** Half of the positions of these models move by less, as logits: two to three times what was measured. */
const PRECISION: Readonly<Record<Native.KvFormat, number>> = { f32: 1e-4, f16: 2e-3, bf16: 1.5e-2, q8: 5e-2, q4: 0.8 };
const executors = ['cpu', 'mlx'] as const;
const engine = new native.Engine(ENGINE_OPTIONS);
afterAll(() => engine.close());

/** Logits [LENGTH, V] fed in chunks. */
async function logits(model: Native.ModelId, chunk: number): Promise<Float32Array> {
  const sequence = await engine.createSequence(model, GREEDY);
  const all = new Float32Array(LENGTH * V);
  for (let at = 0; at < LENGTH; at += chunk) {
    all.set((await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + chunk) }], 'all'))).logits, at * V);
  }
  await engine.dropSequence(sequence);
  return all;
}

/** For each position the largest difference of its logits, sorted. */
function differences(a: Float32Array, b: Float32Array): number[] {
  const rows = Array.from({ length: LENGTH }, (_, row) =>
    a.subarray(row * V, (row + 1) * V).reduce((worst, x, i) => Math.max(worst, Math.abs(x - (b[row * V + i] ?? Number.NaN))), 0),
  );
  return rows.toSorted((x, y) => x - y);
}

describe.each(executors)('on the %s executor', (executor) => {
  // 80: a group of 64 and one of 16. Only then float rows need no padding on the cpu executor.
  it.each(KV_FORMATS)('a token in %s takes what the domain says, whatever the size of a head', async (kvFormat) => {
    for (const headDim of [16, 64, 80, 128, ...(kvFormat.startsWith('q') ? [24, 88] : [])]) {
      const { spec, file } = tinyModel({ headDim });
      const { model, kvBytesPerToken } = await engine.loadModel({ spec, files: [file], executor, kvFormat });
      const layers = kvLayersOf(spec);
      expect(kvBytesPerToken).toBe(new ModelCacheSpec(layers, kvFormat).bytesPerToken);
      await engine.unloadModel(model);
    }
  });

  it('heads that are no multiple of 8 wide are refused in 8 and 4 bits, and run in f16', async () => {
    const { spec, file } = tinyModel({ headDim: 12 });
    for (const kvFormat of ['q8', 'q4'] as const) {
      const error = await rejection(engine.loadModel({ spec, files: [file], executor, kvFormat }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', origin: `${executor}.load` });
      expect(error.message).toContain('multiple of 8 wide, got 12');
    }
    const { model } = await engine.loadModel({ spec, files: [file], executor, kvFormat: 'f16' });
    expect((await logits(model, 64)).every(Number.isFinite)).toBe(true);
    await engine.unloadModel(model);
  });
});

describe.each([
  { name: 'dense, heads of 64', model: tinyModel({ window: null, headDim: 64 }) },
  { name: 'windowed, heads of 128', model: tinyModel({ window: 24, headDim: 128 }) },
  { name: 'windowed, heads of 88', model: tinyModel({ window: 24, headDim: 88 }) },
])('a model, $name,', ({ model: { spec, file } }) => {
  it.each(KV_FORMATS)('has the same logits on both executors with KV in %s, and those of f32 within its precision', async (kvFormat) => {
    const got: Float32Array[] = [];
    for (const executor of executors) {
      const { model } = await engine.loadModel({ spec, files: [file], executor, kvFormat });
      got.push(await logits(model, 64));
      await engine.unloadModel(model);
    }
    const { model } = await engine.loadModel({ spec, files: [file], executor: 'mlx', kvFormat: 'f32' });
    const exact = await logits(model, 64);
    await engine.unloadModel(model);
    const apart = differences(got[0]!, got[1]!);
    const off = differences(got[0]!, exact);
    const step = PRECISION[kvFormat];
    expect(off[LENGTH / 2]).toBeLessThan(step);
    // Where a value lies between two that can be stored, the two may round it to different ones.
    expect(apart[LENGTH / 2]).toBeLessThan(step / 8);
    expect(apart.at(-1)).toBeLessThan(step);
  });
});
