/** Sequences of every family, saved and loaded again: dense, windowed, with sinks, quantized weights. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import type { DecoderSpec } from '../../src/core/domain/decoder-spec.js';
import { buildDecoderSpec } from '../../src/core/models/registry.js';
import { goldenNames, readGolden } from '../parity/golden.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { KvFile, placesOf } from './support/kv-files.js';

const DECODED = 32;
const engine = new native.Engine(ENGINE_OPTIONS);
afterAll(() => engine.close());

const cases = goldenNames().flatMap((name) =>
  (['cpu', 'mlx'] as const).flatMap((executor) => (['f16', 'f32'] as const).map((kvFormat) => ({ name, executor, kvFormat }))),
);

describe.each(cases)('$name on the $executor executor with $kvFormat KV', ({ name, executor, kvFormat }) => {
  let spec: DecoderSpec;
  let model: Native.ModelId;
  let images: KvFile;
  beforeAll(async () => {
    const checkpoint = await readCheckpoint(readGolden(name).model);
    spec = buildDecoderSpec(checkpoint);
    ({ model } = await engine.loadModel({ spec, files: checkpoint.files, executor, kvFormat }));
  });
  afterAll(() => engine.unloadModel(model));
  beforeEach(() => {
    images = new KvFile(engine, model);
  });
  afterEach(() => images.close());

  it(`decodes ${DECODED} tokens after a load with the logits of the sequence that was saved`, async () => {
    // A full block and a begun one, or as much as the model's context allows.
    const length = Math.min(300, spec.contextLength - DECODED - 1);
    const tokens = Int32Array.from({ length }, (_, i) => (i * 7919 + 3) % spec.vocabSize);
    const sequence = await engine.createSequence(model, GREEDY);
    for (let at = 0; at < length; at += 128) await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + 128) }]));
    const saved = await images.save(sequence, placesOf(spec, length));
    const restored = await engine.createSequence(model, GREEDY);
    await engine.loadKv(restored, tokens, saved, length);
    for (let i = 0, token = 1; i < DECODED; i += 1) {
      const { logits, tokens: sampled } = await engine.step(
        plan(
          [sequence, restored].map((s) => ({ sequence: s, tokens: [token], sample: true })),
          'all',
        ),
      );
      const [one, other] = [logits.subarray(0, spec.vocabSize), logits.subarray(spec.vocabSize)];
      expect(Buffer.compare(bytesOf(one), bytesOf(other)), `token ${i}`).toBe(0);
      token = sampled[0]!;
    }
    await engine.dropSequence(sequence);
    await engine.dropSequence(restored);
    expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0 });
  });
});

function bytesOf(logits: Float32Array): Buffer {
  return Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);
}
