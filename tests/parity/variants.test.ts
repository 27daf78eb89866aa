/** The kernels of every instruction set this machine has, and KV in 16 bits, against mlx-lm. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEngine, NativeEngineOptions } from '../../src/adapters/mlx/native-engine.js';
import { EXECUTORS, loadModel, openEngine } from './engines.js';
import { goldenNames, readGolden } from './golden.js';
import { differences, largestDifference } from './largest-difference.js';

const CHUNK = 64;

type InstructionSet = NativeEngineOptions['instructionSet'];

/** Those besides `auto`, which families.test.ts runs. */
async function otherInstructionSets(): Promise<InstructionSet[]> {
  const engine = openEngine('cpu');
  const best = engine.info().instructionSet;
  await engine.close();
  return best === 'avx512' ? ['avx2', 'portable'] : ['portable'];
}

describe.each(await otherInstructionSets())('with the %s kernels', (instructionSet) => {
  let engine: NativeEngine;
  beforeAll(() => {
    engine = openEngine('cpu', { instructionSet });
  });
  afterAll(async () => {
    await engine.close();
  });

  it('runs those kernels and no others', () => {
    expect(engine.info().instructionSet).toBe(instructionSet);
  });

  it.each(goldenNames())('%s has the log-probabilities of mlx-lm', async (name) => {
    const golden = readGolden(name);
    const runner = await loadModel(engine, golden.model);
    expect(await largestDifference(runner, golden, CHUNK)).toBeLessThanOrEqual(1e-3);
    await runner.unload();
  });
});

// Rounded keys and values cost some 1e-2 nats on these spiky models, and can tip a router or a tie: hence the median.
describe.each(EXECUTORS)('with KV in 16 bits on the %s executor', (executor) => {
  let engine: NativeEngine;
  beforeAll(() => {
    engine = openEngine(executor, { kvFormat: 'f16' });
  });
  afterAll(async () => {
    await engine.close();
  });

  it.each(goldenNames())('half of the positions of %s stay within 0.02 nats of mlx-lm, and the KV takes half the bytes', async (name) => {
    const golden = readGolden(name);
    const runner = await loadModel(engine, golden.model);
    const sorted = (await differences(runner, golden, CHUNK)).sort((a, b) => a - b);
    expect(sorted[sorted.length >> 1]).toBeLessThanOrEqual(0.02);
    const wide = openEngine(executor);
    expect(2 * runner.kvBytesPerToken).toBe((await loadModel(wide, golden.model)).kvBytesPerToken);
    await wide.close();
  });
});
