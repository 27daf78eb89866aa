/** The engine's own account of where the time of steps goes. */
import { afterAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { tinyModel, tinyTokens } from './support/tiny-model.js';

const { spec, file } = tinyModel({ window: null });
const PARTS = ['embedding', 'projections', 'append', 'attention', 'output', 'gate', 'down', 'head', 'sampling'];

/** Prefills a sequence and samples one token. */
async function runSteps(engine: Native.Engine, executor: Native.ExecutorKind): Promise<void> {
  const { model } = await engine.loadModel({ spec, files: [file], executor, kvFormat: 'f32' });
  const sequence = await engine.createSequence(model, GREEDY);
  await engine.step(plan([{ sequence, tokens: tinyTokens(300) }]));
  await engine.step(plan([{ sequence, tokens: [7], sample: true }]));
}

describe('stats().profile', () => {
  const plain = new native.Engine(ENGINE_OPTIONS);
  const profiled = new native.Engine({ ...ENGINE_OPTIONS, profile: true });
  afterAll(() => Promise.all([plain.close(), profiled.close()]));

  it('is null where nobody asked for it', async () => {
    await runSteps(plain, 'cpu');
    expect(plain.stats().profile).toBeNull();
  });

  it('has every part of a step of the cpu executor, and no more than the whole', async () => {
    expect(profiled.stats().profile).toMatchObject({ totalMicros: 0, parts: { attention: { micros: 0, waitingMicros: 0 } } });
    await runSteps(profiled, 'cpu');
    const { totalMicros, parts } = profiled.stats().profile!;
    expect(Object.keys(parts)).toEqual(PARTS);
    const times = Object.values(parts);
    for (const { micros, waitingMicros } of times) {
      expect(micros).toBeGreaterThan(0);
      expect(waitingMicros).toBeGreaterThanOrEqual(0);
    }
    expect(times.reduce((sum, { micros, waitingMicros }) => sum + micros + waitingMicros, 0)).toBeLessThanOrEqual(totalMicros);
  });

  it('counts a step of the mlx executor as a whole, and its sampling', async () => {
    const before = profiled.stats().profile!;
    await runSteps(profiled, 'mlx');
    const after = profiled.stats().profile!;
    expect(after.totalMicros).toBeGreaterThan(before.totalMicros);
    expect(after.parts.sampling.micros).toBeGreaterThan(before.parts.sampling.micros);
    expect(after.parts.attention).toEqual(before.parts.attention);
  });
});
