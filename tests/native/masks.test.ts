import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const V = TINY.vocabSize;
const WORDS = Math.ceil(V / 32);
const PROMPT = tinyTokens(12);
const tiny = tinyModel();
const engine = new native.Engine(ENGINE_OPTIONS);
let model: Native.ModelId;
let logits: Float32Array;

beforeAll(async () => {
  ({ model } = await engine.loadModel({ spec: tiny.spec, files: [tiny.file], executor: 'mlx', kvFormat: 'f32' }));
  const sequence = await engine.createSequence(model, GREEDY);
  logits = (await engine.step(plan([{ sequence, tokens: PROMPT }], 'all'))).logits.slice(-V);
  await engine.dropSequence(sequence);
});
afterAll(() => engine.close());

function bitsOf(tokens: readonly number[]): Uint32Array {
  const bits = new Uint32Array(WORDS);
  for (const token of tokens) bits[token >>> 5]! |= 1 << (token & 31);
  return bits;
}

async function sampleOnce(change: Partial<Native.SamplingOptions>, masks?: Native.StepMasks): Promise<Native.StepResult> {
  const sequence = await engine.createSequence(model, { ...GREEDY, ...change });
  const steps = plan([{ sequence, tokens: PROMPT, sample: true }]);
  try {
    return await engine.step(masks === undefined ? steps : { ...steps, masks });
  } finally {
    await engine.dropSequence(sequence);
  }
}

const allowed = fc.uniqueArray(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 40 });

it('a greedy sample is the best token of the mask, with its log-probability among all', async () => {
  const normalizer = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
  await fc.assert(
    fc.asyncProperty(allowed, async (tokens) => {
      const { tokens: sampled, logprobs } = await sampleOnce({}, { entries: Int32Array.of(0), bits: bitsOf(tokens) });
      const best = tokens.reduce((a, b) => (logits[b]! > logits[a]! || (logits[b] === logits[a] && b < a) ? b : a));
      expect(sampled[0]).toBe(best);
      expect(logprobs[0]).toBeCloseTo(logits[best]! - normalizer, 3);
    }),
    { numRuns: 40 },
  );
});

it('draws stay within the mask, whatever else the sampler is told', async () => {
  await fc.assert(
    fc.asyncProperty(
      allowed,
      fc.record({
        seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        temperature: fc.constantFrom(0, 0.3, 1, 5),
        topK: fc.constantFrom(0, 1, 5),
        topP: fc.constantFrom(1, 0.9, 0.1),
        minP: fc.constantFrom(0, 0.2),
        repetitionPenalty: fc.constantFrom(1, 1.3),
        presencePenalty: fc.constantFrom(0, 1),
      }),
      async (tokens, sampling) => {
        const { tokens: sampled } = await sampleOnce(sampling, { entries: Int32Array.of(0), bits: bitsOf(tokens) });
        expect(tokens).toContain(sampled[0]);
      },
    ),
    { numRuns: 60 },
  );
});

it('a bias does not bring back what the mask leaves out', async () => {
  const bias = { biasTokens: Int32Array.of(7), biasValues: Float32Array.of(100) };
  const { tokens } = await sampleOnce(bias, { entries: Int32Array.of(0), bits: bitsOf([3, 5]) });
  expect([3, 5]).toContain(tokens[0]);
});

it('alternatives are reported of the whole distribution', async () => {
  const free = await sampleOnce({ topLogprobs: 5 });
  const masked = await sampleOnce({ topLogprobs: 5 }, { entries: Int32Array.of(0), bits: bitsOf([9]) });
  expect(masked.tokens[0]).toBe(9);
  expect(masked.topTokens).toEqual(free.topTokens);
  expect(masked.topLogprobs).toEqual(free.topLogprobs);
});

it('a mask is of its own entry only', async () => {
  const sequences = await Promise.all([0, 1, 2].map(() => engine.createSequence(model, GREEDY)));
  const steps = plan(sequences.map((sequence) => ({ sequence, tokens: PROMPT, sample: true })));
  const { tokens } = await engine.step({ ...steps, masks: { entries: Int32Array.of(1), bits: bitsOf([11]) } });
  const free = logits.indexOf(Math.max(...logits));
  expect([...tokens]).toEqual([free, 11, free]);
  await Promise.all(sequences.map((sequence) => engine.dropSequence(sequence)));
});

it.each<[string, Native.StepMasks, string]>([
  ['without a token', { entries: Int32Array.of(0), bits: new Uint32Array(WORDS) }, 'allows no token'],
  ['of another size', { entries: Int32Array.of(0), bits: new Uint32Array(WORDS + 1) }, 'masks.bits should have 1 rows'],
  ['of an entry that is not there', { entries: Int32Array.of(1), bits: bitsOf([1]) }, 'masks.entries'],
])('a mask %s is refused before anything runs', async (_, masks, reason) => {
  await expect(sampleOnce({}, masks)).rejects.toThrow(reason);
});

it('a mask of an entry that does not sample is refused', async () => {
  const sequence = await engine.createSequence(model, GREEDY);
  const steps = plan([{ sequence, tokens: PROMPT }]);
  await expect(engine.step({ ...steps, masks: { entries: Int32Array.of(0), bits: bitsOf([1]) } })).rejects.toThrow('masks.entries');
  await engine.dropSequence(sequence);
});

it.each([
  ['of an entry that is not there', [1]],
  ['twice of one entry', [0, 0]],
  ['of a negative entry', [-1]],
])('hidden states %s are refused before anything runs', async (_, hidden) => {
  const sequence = await engine.createSequence(model, GREEDY);
  const steps = plan([{ sequence, tokens: [1, 2] }]);
  await expect(engine.step({ ...steps, hidden: Int32Array.from(hidden) })).rejects.toThrow('hidden should be ascending indices');
  expect((await engine.step({ ...steps, hidden: Int32Array.of(0) })).hidden.length % 2).toBe(0); // still there, nothing was appended
  await engine.dropSequence(sequence);
});
