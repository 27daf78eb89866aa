import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import type { DecoderSpec } from '../../src/core/domain/decoder-spec.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { writeSafetensors } from './support/safetensors.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const tiny = tinyModel({ contextLength: 512 });
const load = { spec: tiny.spec, files: [tiny.file], executor: 'mlx', kvFormat: 'f32' } as const;

let engine: Native.Engine;
let model: Native.ModelId;

beforeAll(async () => {
  engine = new native.Engine(ENGINE_OPTIONS);
  ({ model } = await engine.loadModel(load));
});
afterAll(() => engine.close());

const id = (n: number): Native.SequenceId => n as Native.SequenceId;

/** A value whose type is wrong on purpose, as JavaScript callers can pass it. */
const wrong = <T>(value: unknown): T => value as T;

describe('the engine options', () => {
  it.each([
    ['threads', 0],
    ['threads', 1.5],
    ['threads', '2'],
    ['memoryBudgetBytes', -1],
    ['memoryBudgetBytes', Number.NaN],
    ['bufferCacheBytes', undefined],
    ['instructionSet', 'sse2'],
    ['profile', 'yes'],
  ])('are refused when %s is %s', (key, value) => {
    const options = wrong<Native.EngineOptions>({ ...ENGINE_OPTIONS, [key]: value });
    expect(() => new native.Engine(options)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(`options.${key}`) }),
    );
  });

  it('are refused when there are none', () => {
    const Engine = wrong<new () => Native.Engine>(native.Engine);
    expect(() => new Engine()).toThrowError(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

describe('info()', () => {
  it('names the pinned MLX version and the device', () => {
    expect(engine.info()).toMatchObject({ mlxVersion: '0.32.4', device: expect.stringMatching(/^(cpu|metal|cuda)$/) });
  });
});

describe('loadModel()', () => {
  it('reports the bytes of weights and of KV per token', async () => {
    const elements = [...tiny.tensors.values()].reduce((sum, t) => sum + t.data.length, 0);
    const loaded = await engine.loadModel(load);
    expect(loaded.weightBytes).toBe(elements * 4);
    expect(engine.stats()).toMatchObject({ loadingBytes: elements * 4, loadedBytes: elements * 4 });
    expect(loaded.kvBytesPerToken).toBe(TINY.layers * 2 * TINY.kvHeads * TINY.headDim * 4); // k and v, 4 bytes
    await engine.unloadModel(loaded.model);
  });

  it('names a file that is not there', async () => {
    const error = await rejection(engine.loadModel({ ...load, files: ['/nowhere/model.safetensors'] }));
    expect(error).toMatchObject({ code: 'ERR_MODEL_FILE', origin: 'decoder.load' });
    expect(error.message).toContain('/nowhere/model.safetensors');
  });

  it('names a file that is no model', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'semantic-bad-')), 'model.safetensors');
    writeFileSync(file, 'not a model');
    const error = await rejection(engine.loadModel({ ...load, files: [file] }));
    expect(error.code).toBe('ERR_MODEL_FILE');
    expect(error.message).toContain(file);
  });

  it('fails on a file that ends early', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'semantic-bad-')), 'model.safetensors');
    writeSafetensors(file, tiny.tensors);
    truncateSync(file, 20_000);
    expect((await rejection(engine.loadModel({ ...load, files: [file] }))).code).toBe('ERR_MODEL_FILE');
  });

  it('names the tensors a file lacks', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'semantic-bad-')), 'model.safetensors');
    writeSafetensors(file, new Map([...tiny.tensors].filter(([name]) => name !== '1.q.weight')));
    const error = await rejection(engine.loadModel({ ...load, files: [file] }));
    expect(error.code).toBe('ERR_MODEL_FILE');
    expect(error.message).toContain('lacks 1 tensor: 1.q.weight');
  });

  it('names a tensor of another shape, with both shapes', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'semantic-bad-')), 'model.safetensors');
    writeSafetensors(file, new Map([...tiny.tensors, ['0.up.weight', { shape: [2, 3], data: new Float32Array(6) }]]));
    const error = await rejection(engine.loadModel({ ...load, files: [file] }));
    expect(error.message).toContain('0.up.weight should have shape [64, 32], has [2, 3]');
  });

  it('finds tensors spread over shards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'semantic-shards-'));
    const all = [...tiny.tensors];
    const files = [join(folder, '1.safetensors'), join(folder, '2.safetensors')] as const;
    writeSafetensors(files[0], new Map(all.slice(0, 9)));
    writeSafetensors(files[1], new Map(all.slice(9)));
    const before = engine.stats().weightBytes;
    const loaded = await engine.loadModel({ ...load, files });
    expect(loaded.weightBytes).toBeGreaterThan(0);
    expect(engine.stats().weightBytes).toBe(before + loaded.weightBytes);
    await engine.unloadModel(loaded.model);
    expect(engine.stats().weightBytes).toBe(before);
  });

  it('is refused with the figures when the budget is too small, before anything is allocated', async () => {
    const small = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes: 10_000 });
    const error = await rejection(small.loadModel(load));
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', origin: 'engine.admit' });
    expect(error.message).toMatch(/needs [\d.]+ MB; of the budget of 0\.0 MB weights take 0\.0 MB/);
    expect(small.stats().weightBytes).toBe(0);
    await small.close();
  });

  it.each<[string, (spec: DecoderSpec) => unknown]>([
    ['spec.layers', (spec) => ({ ...spec, layers: [] })],
    ['spec.layers[0].attention.q.outFeatures', (spec) => patchAttention(spec, { q: { ...layerOf(spec).attention!.q, outFeatures: 7 } })],
    ['spec.layers[0].attention.heads', (spec) => patchAttention(spec, { heads: 3 })],
    ['spec.layers[0].attention.window', (spec) => patchAttention(spec, { window: 0 })],
    ['spec.layers[0].attention.rope', (spec) => patchAttention(spec, { rope: 4 })],
    [
      'spec.layers[0].recurrence.valueHeads',
      (spec) => ({ ...spec, layers: [{ ...layerOf(spec), recurrence: { ...NO_RECURRENCE, valueHeads: 3 } }] }),
    ],
    [
      'spec.layers[0].recurrence.kernel',
      (spec) => ({ ...spec, layers: [{ ...layerOf(spec), recurrence: { ...NO_RECURRENCE, kernel: 0 } }] }),
    ],
    ['spec.vocabSize', (spec) => ({ ...spec, vocabSize: '320' })],
    ['spec.ropes', (spec) => ({ ...spec, ropes: null })],
    ['spec.embedding.scale', (spec) => ({ ...spec, embedding: { ...spec.embedding, scale: Number.NaN } })],
  ])('names the field %s of a spec that is wrong', async (field, change) => {
    const error = await rejection(engine.loadModel({ ...load, spec: wrong<DecoderSpec>(change(tiny.spec)) }));
    expect(error.code).toBe('ERR_INVALID_ARGUMENT');
    expect(error.message).toContain(`${field} should be`);
  });
});

/** What comes before the linear layers of a recurrence is read first. */
const NO_RECURRENCE = {
  keyHeads: 2,
  valueHeads: 4,
  keyDim: 8,
  valueDim: 8,
  kernel: 4,
  conv: { name: 'conv', ops: [] },
  aLog: { name: 'a', ops: [] },
  dtBias: { name: 'dt', ops: [] },
  norm: { weight: { name: 'norm', ops: [] }, eps: 1e-6, weightOffset: 0 },
};

function layerOf(spec: DecoderSpec): DecoderSpec['layers'][number] {
  const [layer] = spec.layers;
  if (layer === undefined) throw new Error('the tiny model has layers');
  return layer;
}

function patchAttention(spec: DecoderSpec, change: Readonly<Record<string, unknown>>): unknown {
  const layer = layerOf(spec);
  return { ...spec, layers: [{ ...layer, attention: { ...layer.attention!, ...change } }, ...spec.layers.slice(1)] };
}

describe('sampling options', () => {
  it.each([
    ['temperature', -0.1],
    ['temperature', Number.NaN],
    ['temperature', Number.POSITIVE_INFINITY],
    ['topK', -1],
    ['topK', 1.5],
    ['topP', 1.1],
    ['topP', -0.1],
    ['minP', 2],
    ['repetitionPenalty', 0],
    ['repetitionPenalty', Number.NaN],
    ['frequencyPenalty', Number.NEGATIVE_INFINITY],
    ['presencePenalty', 'x'],
    ['topLogprobs', 21],
    ['seed', 1],
    ['seed', -1n],
    ['seed', 2n ** 64n],
    ['biasTokens', [1]],
    ['biasValues', new Float32Array(1)],
  ])('are refused when %s is %s', async (key, value) => {
    const sampling = wrong<Native.SamplingOptions>({ ...GREEDY, [key]: value });
    const error = await rejection(engine.createSequence(model, sampling));
    expect(error.code).toBe('ERR_INVALID_ARGUMENT');
    expect(error.message).toContain(`sampling.${key}`);
  });

  it('are refused when a bias names a token outside the vocabulary', async () => {
    const sampling = { ...GREEDY, biasTokens: Int32Array.of(320), biasValues: Float32Array.of(1) };
    expect((await rejection(engine.createSequence(model, sampling))).message).toContain('biasTokens holds 320');
  });
});

describe('handles', () => {
  it.each([undefined, null, 'x', 0, -1, 1.5, Number.NaN, {}])('that are %s are refused', async (handle) => {
    expect((await rejection(engine.unloadModel(wrong(handle)))).code).toBe('ERR_INVALID_ARGUMENT');
    expect((await rejection(engine.dropSequence(wrong(handle)))).code).toBe('ERR_INVALID_ARGUMENT');
  });

  it('that nobody gave are refused, except by dropSequence()', async () => {
    expect((await rejection(engine.unloadModel(wrong(999)))).message).toContain('model 999 does not exist');
    expect((await rejection(engine.createSequence(wrong(999), GREEDY))).code).toBe('ERR_INVALID_ARGUMENT');
    expect((await rejection(engine.setSampling(id(999), GREEDY))).message).toContain('sequence 999 does not exist');
    expect((await rejection(engine.truncateSequence(id(999), 0))).code).toBe('ERR_INVALID_ARGUMENT');
    await expect(engine.dropSequence(id(999))).resolves.toBeUndefined();
  });

  it('of an unloaded model take its sequences with them', async () => {
    const loaded = await engine.loadModel(load);
    const sequence = await engine.createSequence(loaded.model, GREEDY);
    await engine.step(plan([{ sequence, tokens: tinyTokens(5) }]));
    await engine.unloadModel(loaded.model);
    expect((await rejection(engine.step(plan([{ sequence, tokens: [1] }])))).message).toContain('does not exist');
  });
});

describe('a plan that is wrong', () => {
  let sequence: Native.SequenceId;
  beforeAll(async () => {
    sequence = await engine.createSequence(model, GREEDY);
    await engine.step(plan([{ sequence, tokens: tinyTokens(10) }]));
  });

  const cases: [string, () => Native.StepPlan, string][] = [
    ['is empty', () => plan([]), 'no sequence'],
    ['names an unknown sequence', () => plan([{ sequence: id(999), tokens: [1] }]), 'sequence 999'],
    [
      'has a sequence twice',
      () =>
        plan([
          { sequence, tokens: [1] },
          { sequence, tokens: [2] },
        ]),
      'twice',
    ],
    ['has an entry without tokens', () => plan([{ sequence, tokens: [] }]), 'count of at least 1'],
    ['has a token outside the vocabulary', () => plan([{ sequence, tokens: [1, 320] }]), 'token 320 at index 1'],
    ['has a negative token', () => plan([{ sequence, tokens: [-2] }]), 'token -2'],
    ['passes the context', () => plan([{ sequence, tokens: tinyTokens(503) }]), '513 tokens long, the context holds 512'],
    ['has counts that do not add up', () => ({ ...plan([{ sequence, tokens: [1, 2] }]), counts: Int32Array.of(3) }), '3 tokens'],
    ['has lists of different lengths', () => ({ ...plan([{ sequence, tokens: [1] }]), sample: new Uint8Array(2) }), 'equally long'],
    ['has plain arrays', () => wrong({ ...plan([{ sequence, tokens: [1] }]), tokens: [1] }), 'plan.tokens should be an Int32Array'],
    ['asks for other logits', () => wrong({ ...plan([{ sequence, tokens: [1] }]), logits: 'some' }), 'plan.logits'],
  ];
  it.each(cases)('because it %s is refused and drops nothing', async (_, make, message) => {
    const steps = engine.stats().steps;
    const error = await rejection(engine.step(make()));
    expect(error.code).toBe('ERR_INVALID_ARGUMENT');
    expect(error.message).toContain(message);
    expect(engine.stats().steps).toBe(steps);
    expect(await engine.truncateSequence(sequence, 10)).toBe(10);
  });

  it('because it mixes two models is refused', async () => {
    const other = await engine.loadModel(load);
    const stranger = await engine.createSequence(other.model, GREEDY);
    const mixed = plan([
      { sequence, tokens: [1] },
      { sequence: stranger, tokens: [1] },
    ]);
    expect((await rejection(engine.step(mixed))).message).toContain('two models');
    await engine.unloadModel(other.model);
  });
});

describe('the memory budget', () => {
  it('refuses a step whose KV would pass it, and leaves the sequence as it was', async () => {
    const weights = [...tiny.tensors.values()].reduce((sum, t) => sum + t.data.byteLength, 0);
    const tight = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes: weights + 4_000_000 });
    const loaded = await tight.loadModel(load);
    const held: Native.SequenceId[] = [];
    let refused: Native.NativeError | undefined;
    while (refused === undefined && held.length < 100) {
      const sequence = await tight.createSequence(loaded.model, GREEDY);
      held.push(sequence);
      await tight.step(plan([{ sequence, tokens: tinyTokens(400) }])).catch((error: unknown) => {
        refused = error as Native.NativeError;
      });
    }
    expect(refused).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', origin: 'engine.admit' });
    expect(tight.stats().sequences).toBe(held.length);
    const [first] = held;
    if (first === undefined) throw new Error('a sequence was created');
    await tight.dropSequence(first);
    await tight.step(plan([{ sequence: held.at(-1) ?? first, tokens: tinyTokens(400) }]));
    await tight.close();
  });
});

describe('a closed engine', () => {
  it('rejects every command, and closing twice is harmless', async () => {
    const closing = new native.Engine(ENGINE_OPTIONS);
    const waiting = closing.loadModel(load).catch((error: unknown) => error);
    await Promise.all([closing.close(), closing.close()]);
    await closing.close();
    const calls = [closing.loadModel(load), closing.dropSequence(id(1)), closing.step(plan([{ sequence: id(1), tokens: [1] }]))];
    for (const call of calls) expect((await rejection(call)).code).toBe('ERR_ENGINE_CLOSED');
    expect(() => closing.stats()).toThrowError(expect.objectContaining({ code: 'ERR_ENGINE_CLOSED' }));
    expect(await waiting).toBeDefined(); // settled one way or the other: it may have run before the close
  });
});
