import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const V = TINY.vocabSize;
const PROMPT = tinyTokens(12);
const tiny = tinyModel();
const engine = new native.Engine(ENGINE_OPTIONS);
let model: Native.ModelId;
/** Logits after the prompt. */
let logits: Float32Array;
let logprobs: number[];

beforeAll(async () => {
  ({ model } = await engine.loadModel({ spec: tiny.spec, files: [tiny.file], executor: 'mlx', kvFormat: 'f32' }));
  const sequence = await engine.createSequence(model, GREEDY);
  const result = await engine.step(plan([{ sequence, tokens: PROMPT }], 'all'));
  logits = result.logits.slice(-V);
  await engine.dropSequence(sequence);
  logprobs = logSoftmax(logits);
});
afterAll(() => engine.close());

function logSoftmax(x: ArrayLike<number>): number[] {
  const values = Array.from(x);
  const max = Math.max(...values);
  const normalizer = max + Math.log(values.reduce((sum, v) => sum + Math.exp(v - max), 0));
  return values.map((v) => v - normalizer);
}

/** Token ids by descending value, lower id first among equals. */
function ranking(x: ArrayLike<number>): number[] {
  const values = Array.from(x);
  return values.map((_, i) => i).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
}

/** `n` draws after the prompt; draw i is the sequence's i-th. */
async function draws(change: Partial<Native.SamplingOptions>, n: number): Promise<number[]> {
  const sequence = await engine.createSequence(model, { ...GREEDY, temperature: 1, ...change });
  const tokens: number[] = [];
  const last = PROMPT.subarray(-1);
  await engine.step(plan([{ sequence, tokens: PROMPT.subarray(0, -1) }]));
  for (let i = 0; i < n; i += 1) {
    const result = await engine.step(plan([{ sequence, tokens: last, sample: true }]));
    tokens.push(result.tokens[0] ?? -1);
    await engine.truncateSequence(sequence, PROMPT.length - 1);
  }
  await engine.dropSequence(sequence);
  return tokens;
}

/** One sampled token after the prompt. */
async function sampleOnce(change: Partial<Native.SamplingOptions>): Promise<Native.StepResult> {
  const sequence = await engine.createSequence(model, { ...GREEDY, ...change });
  const result = await engine.step(plan([{ sequence, tokens: PROMPT, sample: true }]));
  await engine.dropSequence(sequence);
  return result;
}

describe('greedy sampling', () => {
  it('takes the largest logit', async () => {
    expect((await sampleOnce({})).tokens[0]).toBe(ranking(logits)[0]);
  });

  it('is what a tiny temperature comes to', async () => {
    expect(new Set(await draws({ temperature: 1e-4 }, 20))).toEqual(new Set([ranking(logits)[0]]));
  });
});

describe('drawing', () => {
  it('gives the same tokens for the same seed and others for another', async () => {
    const first = await draws({ seed: 42n }, 30);
    expect(await draws({ seed: 42n }, 30)).toEqual(first);
    expect(await draws({ seed: 43n }, 30)).not.toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(5);
  });

  it('depends on seed and draw index alone: setSampling() starts the same draws again', async () => {
    const sampling = { ...GREEDY, temperature: 1, seed: 2n ** 64n - 1n };
    const sequence = await engine.createSequence(model, sampling);
    const round = async (): Promise<number[]> => {
      const tokens: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        await engine.truncateSequence(sequence, 0);
        tokens.push((await engine.step(plan([{ sequence, tokens: PROMPT, sample: true }]))).tokens[0] ?? -1);
      }
      return tokens;
    };
    const first = await round();
    expect(await round()).not.toEqual(first);
    await engine.setSampling(sequence, sampling);
    expect(await round()).toEqual(first);
    await engine.dropSequence(sequence);
  });

  it('follows the probabilities: frequencies of 1,500 draws pass a chi-square test', async () => {
    const temperature = 0.5;
    const n = 1500;
    const counts = new Map<number, number>();
    for (const token of await draws({ temperature, seed: 5n }, n)) counts.set(token, (counts.get(token) ?? 0) + 1);
    const probabilities = logSoftmax(Array.from(logits, (l) => l / temperature)).map(Math.exp);
    let chi2 = 0;
    let bins = 0;
    let restExpected = n;
    let restSeen = n;
    for (const [token, p] of probabilities.entries()) {
      if (p * n < 5) continue;
      chi2 += ((counts.get(token) ?? 0) - p * n) ** 2 / (p * n);
      restExpected -= p * n;
      restSeen -= counts.get(token) ?? 0;
      bins += 1;
    }
    chi2 += (restSeen - restExpected) ** 2 / restExpected;
    expect(bins).toBeGreaterThan(10);
    expect(chi2).toBeLessThan(bins + 4 * Math.sqrt(2 * bins)); // 4 sigma
  });

  it('keeps to the top-k set', async () => {
    for (const topK of [1, 2, 5, 40]) {
      const allowed = new Set(ranking(logits).slice(0, topK));
      const drawn = await draws({ topK, temperature: 5, seed: 1n }, 60);
      expect(drawn.every((t) => allowed.has(t))).toBe(true);
      expect(new Set(drawn).size).toBeGreaterThan(Math.min(topK, 10) * 0.6);
    }
  });

  it('keeps to the smallest set whose probability reaches top-p, after the temperature', async () => {
    for (const [topP, temperature] of [
      [0, 1],
      [0.3, 1],
      [0.9, 0.7],
      [0.97, 3],
    ] as const) {
      const p = logSoftmax(Array.from(logits, (l) => l / temperature)).map(Math.exp);
      const allowed = new Set<number>();
      let mass = 0;
      for (const token of ranking(logits)) {
        if (allowed.size > 0 && mass >= topP) break;
        allowed.add(token);
        mass += p[token] ?? 0;
      }
      const drawn = await draws({ topP, temperature, seed: 2n }, 80);
      expect(drawn.every((t) => allowed.has(t))).toBe(true);
    }
  });

  it('renormalizes after top-k before it applies top-p', async () => {
    const best = ranking(logits).slice(0, 4);
    const p = best.map((t) => Math.exp(logits[t] ?? 0));
    const total = p.reduce((a, b) => a + b, 0);
    const topP = (((p[0] ?? 0) + (p[1] ?? 0)) / total) * 0.999; // reached by two of the four
    const drawn = await draws({ topK: 4, topP, seed: 3n }, 60);
    expect(new Set(drawn)).toEqual(new Set(best.slice(0, 2)));
  });

  it('keeps to the tokens that have min-p times the best probability', async () => {
    for (const minP of [0.2, 0.5, 1]) {
      const best = Math.max(...logprobs);
      const allowed = logprobs.flatMap((l, t) => (Math.exp(l - best) >= minP * 0.9999 ? [t] : []));
      const drawn = await draws({ minP, seed: 4n }, 60);
      expect(drawn.every((t) => allowed.includes(t))).toBe(true);
    }
  });

  it('never leaves any of the three sets, whatever they are', async () => {
    const arbitrary = fc.record({
      topK: fc.integer({ min: 0, max: 400 }),
      topP: fc.double({ min: 0, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
      temperature: fc.double({ min: 0.05, max: 20, noNaN: true }),
      seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async (options) => {
        const order = ranking(logits);
        const scaled = logSoftmax(Array.from(logits, (l) => l / options.temperature)).map(Math.exp);
        const left = options.topK > 0 ? order.slice(0, options.topK) : order;
        const total = left.reduce((sum, t) => sum + (scaled[t] ?? 0), 0);
        for (const token of await draws(options, 3)) {
          const rank = left.indexOf(token);
          expect(rank).toBeGreaterThanOrEqual(0);
          const above = left.slice(0, rank).reduce((sum, t) => sum + (scaled[t] ?? 0), 0);
          if (rank > 0) {
            expect(above).toBeLessThanOrEqual(options.topP * total + 1e-4);
            expect((scaled[token] ?? 0) / (scaled[left[0] ?? 0] ?? 1)).toBeGreaterThanOrEqual(options.minP - 1e-4);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('penalties and bias', () => {
  it('a bias is added to its tokens', async () => {
    const target = ranking(logits).at(-1) ?? 0;
    const forced = await sampleOnce({ biasTokens: Int32Array.of(target), biasValues: Float32Array.of(100) });
    expect(forced.tokens[0]).toBe(target);
    const [best, second] = ranking(logits);
    const banned = await sampleOnce({ biasTokens: Int32Array.of(best ?? 0), biasValues: Float32Array.of(-100) });
    expect(banned.tokens[0]).toBe(second);
  });

  it('the repetition penalty divides positive and multiplies negative logits of tokens in the prompt', async () => {
    const penalty = 1.7;
    const seen = new Set(PROMPT);
    const want = Array.from(logits, (l, t) => (seen.has(t) ? (l > 0 ? l / penalty : l * penalty) : l));
    expect((await sampleOnce({ repetitionPenalty: penalty })).tokens[0]).toBe(ranking(want)[0]);
    // A prompt token that leads on its bias is divided below the best unseen one.
    const token = PROMPT[0] ?? 0;
    const bias = Math.max(...logits) - (logits[token] ?? 0) + 0.1;
    const options = { biasTokens: Int32Array.of(token), biasValues: Float32Array.of(bias) };
    expect((await sampleOnce(options)).tokens[0]).toBe(token);
    expect((await sampleOnce({ ...options, repetitionPenalty: 3 })).tokens[0]).not.toBe(token);
  });

  it('the frequency penalty grows with every occurrence in the output, the presence penalty does not', async () => {
    const order = ranking(logits);
    const lead = (logits[order[0] ?? 0] ?? 0) - (logits[order[1] ?? 0] ?? 0);
    // Half the lead: twice subtracted (and a little more) the best token falls behind.
    const frequency = await draws({ temperature: 0, frequencyPenalty: lead * 0.51 }, 3);
    expect(frequency).toEqual([order[0], order[0], order[1]]);
    const presence = await draws({ temperature: 0, presencePenalty: lead * 0.51 }, 3);
    expect(presence).toEqual([order[0], order[0], order[0]]);
    expect((await draws({ temperature: 0, presencePenalty: lead * 1.01 }, 2))[1]).toBe(order[1]);
  });

  it('tokens of the prompt do not count for frequency and presence', async () => {
    const token = PROMPT[0] ?? 0;
    const bias = Math.max(...logits) - (logits[token] ?? 0) + 0.1;
    const options = { biasTokens: Int32Array.of(token), biasValues: Float32Array.of(bias) };
    expect((await sampleOnce({ ...options, frequencyPenalty: 10, presencePenalty: 10 })).tokens[0]).toBe(token);
  });
});

describe('log-probabilities', () => {
  it('are those of the unmodified distribution, whatever was sampled', async () => {
    const target = ranking(logits)[7] ?? 0;
    const result = await sampleOnce({
      temperature: 0.3,
      biasTokens: Int32Array.of(target),
      biasValues: Float32Array.of(1000),
      topLogprobs: 20,
    });
    expect(result.tokens[0]).toBe(target);
    expect(result.logprobs[0]).toBeCloseTo(logprobs[target] ?? 0, 5);
    expect(result.topWidth).toBe(20);
    expect(Array.from(result.topTokens)).toEqual(ranking(logits).slice(0, 20));
    for (const [i, token] of result.topTokens.entries()) expect(result.topLogprobs[i]).toBeCloseTo(logprobs[token] ?? 0, 5);
  });

  it('are padded to the widest entry of the plan', async () => {
    const [a, b, c] = await Promise.all([3, 0, 5].map((topLogprobs) => engine.createSequence(model, { ...GREEDY, topLogprobs })));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three sequences were created');
    const both = await engine.step(
      plan([
        { sequence: a, tokens: PROMPT, sample: true },
        { sequence: b, tokens: PROMPT, sample: true },
        { sequence: c, tokens: PROMPT },
      ]),
    );
    expect(both.topWidth).toBe(3);
    expect(Array.from(both.topTokens)).toEqual([...ranking(logits).slice(0, 3), -1, -1, -1, -1, -1, -1]);
    await Promise.all([a, b, c].map((s) => engine.dropSequence(s)));
  });
});
