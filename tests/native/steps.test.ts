import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const WINDOW = 24;
const V = TINY.vocabSize;
const tiny = tinyModel({ window: WINDOW });
const TOLERANCE = 1e-4; // of logits around 1: sums in another order

const engine = new native.Engine(ENGINE_OPTIONS);
afterAll(() => engine.close());

function expectClose(got: Float32Array, want: Float32Array): void {
  expect(got.length).toBe(want.length);
  let worst = 0;
  for (const [i, value] of want.entries()) worst = Math.max(worst, Math.abs((got[i] ?? Number.NaN) - value));
  expect(worst).toBeLessThan(TOLERANCE);
}

const cases = (['mlx', 'cpu'] as const).flatMap((executor) => (['f32', 'f16'] as const).map((kvFormat) => ({ executor, kvFormat })));

describe.each(cases)('the $executor executor with $kvFormat KV', ({ executor, kvFormat }) => {
  let model: Native.ModelId;
  beforeAll(async () => {
    ({ model } = await engine.loadModel({ spec: tiny.spec, files: [tiny.file], executor, kvFormat }));
  });
  afterAll(() => engine.unloadModel(model));

  /** Bytes of k and v of one token in one layer. */
  const layerTokenBytes = 2 * TINY.kvHeads * TINY.headDim * (kvFormat === 'f32' ? 4 : 2);
  const create = (): Promise<Native.SequenceId> => engine.createSequence(model, GREEDY);

  /** Logits of every token of `tokens`, fed in chunks. */
  async function logitsOf(tokens: Int32Array, chunk: number): Promise<Float32Array> {
    const sequence = await create();
    const all = new Float32Array(tokens.length * V);
    for (let at = 0; at < tokens.length; at += chunk) {
      const result = await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + chunk) }], 'all'));
      all.set(result.logits, at * V);
    }
    await engine.dropSequence(sequence);
    return all;
  }

  it('gives the same logits for every way of chunking a prompt, past the window and past several blocks', async () => {
    const tokens = tinyTokens(900);
    const whole = await logitsOf(tokens, tokens.length);
    for (const chunk of [1, 7, 64, 255, 256, 257, 600]) expectClose(await logitsOf(tokens, chunk), whole);
  });

  it('gives a sequence the same logits in a ragged batch as alone', async () => {
    const lengths = [1, 300, 1, 33, 2, 1];
    const prompts = lengths.map((length, i) => tinyTokens(length + 40, i + 10));
    const sequences = await Promise.all(prompts.map(create));
    // Histories of different lengths first, so that positions differ.
    await engine.step(plan(prompts.map((p, i) => ({ sequence: sequences[i] as Native.SequenceId, tokens: p.subarray(0, 1 + 6 * i) }))));
    const entries = prompts.map((p, i) => ({
      sequence: sequences[i] as Native.SequenceId,
      tokens: p.subarray(1 + 6 * i, 1 + 6 * i + (lengths[i] as number)),
    }));
    const batch = await engine.step(plan(entries, 'all'));
    let row = 0;
    for (const [i, prompt] of prompts.entries()) {
      const from = 1 + 6 * i;
      const length = lengths[i] as number;
      const alone = await logitsOf(prompt.subarray(0, from + length), from + length);
      expectClose(batch.logits.subarray(row * V, (row + length) * V), alone.subarray(from * V));
      row += length;
    }
    await Promise.all(sequences.map((s) => engine.dropSequence(s)));
  });

  it('continues after truncateSequence() as if the cut tokens had never been', async () => {
    const tokens = tinyTokens(200);
    const want = await logitsOf(tokens, 200);
    const sequence = await create();
    await engine.step(plan([{ sequence, tokens: tokens.subarray(0, 150) }]));
    await engine.step(plan([{ sequence, tokens: tinyTokens(30, 99) }]));
    expect(await engine.truncateSequence(sequence, 150)).toBe(150);
    const rest = await engine.step(plan([{ sequence, tokens: tokens.subarray(150) }], 'all'));
    expectClose(rest.logits, want.subarray(150 * V));
    await engine.dropSequence(sequence);
  });

  it('keeps nothing when the window has forgotten what a cut needs, and works on', async () => {
    const tokens = tinyTokens(1200);
    const sequence = await create();
    for (let at = 0; at < 1200; at += 100) await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + 100) }]));
    expect(await engine.truncateSequence(sequence, 300)).toBe(0);
    const again = await engine.step(plan([{ sequence, tokens: tokens.subarray(0, 100) }], 'all'));
    expectClose(again.logits, await logitsOf(tokens.subarray(0, 100), 100));
    await engine.dropSequence(sequence);
  });

  it('samples where it was asked to and nowhere else', async () => {
    const [a, b] = [await create(), await create()];
    const result = await engine.step(
      plan([
        { sequence: a, tokens: tinyTokens(3) },
        { sequence: b, tokens: tinyTokens(4), sample: true },
      ]),
    );
    expect(result.tokens[0]).toBe(-1);
    const last = (await logitsOf(tinyTokens(4), 4)).subarray(3 * V);
    expect(result.tokens[1]).toBe(last.indexOf(Math.max(...last)));
    expect(result.logits.length).toBe(0);
    expect(result.stepMicros).toBeGreaterThan(0);
    await Promise.all([a, b].map((s) => engine.dropSequence(s)));
  });

  it('counts steps, tokens, sequences, appends and growths, and gives all KV back', async () => {
    const before = engine.stats();
    const sequence = await create();
    await engine.step(plan([{ sequence, tokens: tinyTokens(10) }]));
    for (let i = 0; i < 5; i += 1) await engine.step(plan([{ sequence, tokens: [i], sample: true }]));
    const after = engine.stats();
    expect(after.steps - before.steps).toBe(6);
    expect(after.tokensPrefilled - before.tokensPrefilled).toBe(10);
    expect(after.tokensDecoded - before.tokensDecoded).toBe(5);
    expect(after.sequences - before.sequences).toBe(1);
    // Two layers, six steps; the first append of each layer made its buffer.
    expect(after.kvGrowths - before.kvGrowths + after.kvAppends - before.kvAppends).toBe(12);
    expect(after.kvGrowths - before.kvGrowths).toBe(2);
    expect(after.kvBytes - before.kvBytes).toBeGreaterThanOrEqual(TINY.layers * 15 * layerTokenBytes);
    expect(after.kvBytes - before.kvBytes).toBeLessThanOrEqual(TINY.layers * 256 * layerTokenBytes);
    await engine.dropSequence(sequence);
    expect(engine.stats().kvBytes).toBe(before.kvBytes);
    expect(engine.stats().sequences).toBe(before.sequences);
  });

  it('bounds the memory of windowed layers by the window', async () => {
    const before = engine.stats().kvBytes;
    const sequence = await create();
    for (let at = 0; at < 2048; at += 128) await engine.step(plan([{ sequence, tokens: tinyTokens(128, at) }]));
    expect(engine.stats().kvBytes - before).toBeLessThanOrEqual(layerTokenBytes * (2048 + 512));
    await engine.dropSequence(sequence);
  });

  it('leaves the event loop free during a step', async () => {
    const sequence = await create();
    let turnsBeforeStep = 0;
    // Where cores are few the engine's threads may keep this one waiting now and then; a step that blocked it would win every time.
    for (let round = 0; round < 20; round++) {
      const step = engine.step(plan([{ sequence, tokens: tinyTokens(100) }], 'all')).then(() => 'step');
      const turn = new Promise((resolve) => setImmediate(() => resolve('turn')));
      if ((await Promise.race([step, turn])) === 'turn') turnsBeforeStep += 1;
      await step;
    }
    expect(turnsBeforeStep).toBeGreaterThan(0);
    await engine.dropSequence(sequence);
  });
});
