/** Whole models on int8 activations: how far they are from exact, and that a token's result is its own. */
import { afterAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import { buildDecoderSpec } from '../../src/core/models/registry.js';
import { readGolden } from '../parity/golden.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { tinyModel } from './support/tiny-model.js';

const LENGTH = 150;
const COMPUTES = ['int8x2', 'int8'] as const;
/** Mean KL to exact, nats, at most: two to three times what was measured. These weights are random; for trained ones see tests/parity. */
const MOST_KL = { int8x2: 1e-5, int8: 5e-2 };
/** Rounding can make the router choose another expert. */
const MOST_KL_OF_EXPERTS = { int8x2: 3e-3, int8: 1e-1 };
const MODELS = [
  'llama-4bit-g32',
  'llama-8bit-g64',
  'llama-2-3-5bit',
  'qwen2-4bit',
  'qwen3-mixed',
  'gemma3-4bit',
  'gpt-oss-mlx',
  'llama-gguf',
];

async function load(engine: Native.Engine, name: string, compute: Native.Compute): Promise<{ model: Native.ModelId; vocabSize: number }> {
  const checkpoint = await readCheckpoint(readGolden(name).model);
  const spec = buildDecoderSpec(checkpoint);
  const { model } = await engine.loadModel({ spec, files: checkpoint.files, executor: 'cpu', kvFormat: 'f16', compute });
  return { model, vocabSize: spec.vocabSize };
}

const tokensOf = (vocabSize: number, length = LENGTH): Int32Array => Int32Array.from({ length }, (_, i) => (i * 37 + 11) % vocabSize);

async function logitsOf(engine: Native.Engine, name: string, compute: Native.Compute, chunk: number): Promise<Float32Array> {
  const { model, vocabSize } = await load(engine, name, compute);
  const tokens = tokensOf(vocabSize);
  const sequence = await engine.createSequence(model, GREEDY);
  const all = new Float32Array(LENGTH * vocabSize);
  for (let at = 0; at < LENGTH; at += chunk) {
    all.set((await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + chunk) }], 'all'))).logits, at * vocabSize);
  }
  await engine.unloadModel(model);
  return all;
}

const bits = (logits: Float32Array): Buffer => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);

function logProbabilities(row: Float32Array): Float64Array {
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const norm = largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
  return Float64Array.from(row, (x) => x - norm);
}

function meanKl(exact: Float32Array, other: Float32Array): number {
  const width = exact.length / LENGTH;
  let sum = 0;
  for (let row = 0; row < LENGTH; row++) {
    const p = logProbabilities(exact.subarray(row * width, (row + 1) * width));
    const q = logProbabilities(other.subarray(row * width, (row + 1) * width));
    p.forEach((logP, i) => (sum += Math.exp(logP) * (logP - q[i]!)));
  }
  return sum / LENGTH;
}

describe.each(MODELS)('%s', (name) => {
  const engine = new native.Engine(ENGINE_OPTIONS);
  const one = new native.Engine({ ...ENGINE_OPTIONS, threads: 1 });
  afterAll(async () => {
    await engine.close();
    await one.close();
  });

  it.each(COMPUTES)('is as near to exact in %s as it should be, and not the same', async (compute) => {
    const exact = await logitsOf(engine, name, 'exact', 64);
    const got = await logitsOf(engine, name, compute, 64);
    expect(got.every(Number.isFinite)).toBe(true);
    expect(meanKl(exact, got)).toBeLessThan((name.startsWith('gpt-oss') ? MOST_KL_OF_EXPERTS : MOST_KL)[compute]);
    expect(bits(got).equals(bits(exact))).toBe(false);
  });

  it.each(COMPUTES)('gives the same bits in %s for every chunk size and number of threads', async (compute) => {
    const whole = await logitsOf(engine, name, compute, LENGTH);
    for (const chunk of [1, 7, 8, 9, 49]) {
      expect(bits(await logitsOf(engine, name, compute, chunk)).equals(bits(whole)), `chunks of ${chunk}`).toBe(true);
    }
    expect(bits(await logitsOf(one, name, compute, 64)).equals(bits(whole)), 'one thread').toBe(true);
  });

  it.each(COMPUTES)('gives a decoding sequence the same bits in company as alone in %s', async (compute) => {
    const { model, vocabSize } = await load(engine, name, compute);
    const prompts = [3, 60, 17, 40, 12, 1, 29, 50, 5, 33, 8, 21].map((length, i) => tokensOf(vocabSize, 70).subarray(i, i + length + 1));
    const start = () => engine.createSequence(model, GREEDY);
    const sequences = await Promise.all(prompts.map(start));
    const entries = (part: (prompt: Int32Array) => Int32Array) => prompts.map((p, i) => ({ sequence: sequences[i]!, tokens: part(p) }));
    await engine.step(plan(entries((prompt) => prompt.subarray(0, -1))));
    const lastTokens = entries((prompt) => prompt.subarray(-1));
    const together = await engine.step(plan(lastTokens, 'all'));
    for (const [i, prompt] of prompts.entries()) {
      const alone = await engine.step(plan([{ sequence: await start(), tokens: prompt }], 'all'));
      const want = alone.logits.subarray((prompt.length - 1) * vocabSize);
      expect(bits(together.logits.subarray(i * vocabSize, (i + 1) * vocabSize)).equals(bits(want)), `sequence ${i}`).toBe(true);
    }
    await engine.unloadModel(model);
  });
});

describe('compute', () => {
  const engine = new native.Engine(ENGINE_OPTIONS);
  afterAll(() => engine.close());
  const { spec, file } = tinyModel();
  const options = { spec, files: [file], kvFormat: 'f16' } as const;

  it('is exact where it is not given, and names the KV of the others otherwise', async () => {
    const layouts: string[] = [];
    for (const compute of [undefined, 'exact', 'int8x2', 'int8'] as const) {
      const given = compute === undefined ? {} : { compute };
      layouts.push((await engine.loadModel({ ...options, ...given, executor: 'cpu' })).kvLayout);
    }
    const exact = 'cpu/panel16-v1/f16';
    expect(layouts).toEqual([exact, exact, `${exact}/int8x2-v1`, `${exact}/int8-v1`]);
  });

  it('leaves weights that are not quantized exact', async () => {
    const tokens = tokensOf(spec.vocabSize, 20);
    const got: Buffer[] = [];
    for (const compute of ['exact', 'int8'] as const) {
      const { model } = await engine.loadModel({ ...options, executor: 'cpu', compute });
      const sequence = await engine.createSequence(model, GREEDY);
      got.push(bits((await engine.step(plan([{ sequence, tokens }], 'all'))).logits));
    }
    expect(got[1]!.equals(got[0]!)).toBe(true);
  });

  it('refuses a name it does not know', async () => {
    const error = await rejection(engine.loadModel({ ...options, executor: 'cpu', compute: 'int4' as Native.Compute }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(error.message).toMatch(/options\.compute should be .*int8x2.*, is the string "int4"/);
  });

  it('refuses int8 on the mlx executor', async () => {
    const error = await rejection(engine.loadModel({ ...options, executor: 'mlx', compute: 'int8' }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', origin: 'engine.load' });
    expect(error.message).toContain("compute 'int8' wants the cpu executor");
    await engine.loadModel({ ...options, executor: 'mlx', compute: 'exact' });
  });
});
