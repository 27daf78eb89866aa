/** Every family and weight format against mlx-lm, on both executors, in every chunking. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import type { NativeRunner } from '../../src/adapters/mlx/native-runner.js';
import { continueBatch, EXECUTORS, loadModel, openEngine, type Continuation } from './engines.js';
import { goldenNames, readGolden } from './golden.js';
import { largestDifference } from './largest-difference.js';

const TOLERANCE = 1e-3; // nats, in f32
const CHUNKS = [1, 7, 64, Infinity];
const GREEDY_TOKENS = 64;

describe.each(EXECUTORS)('on the %s executor', (executor) => {
  const report: Record<string, string> = {};
  let engine: NativeEngine;

  beforeAll(() => {
    engine = openEngine(executor);
  });

  afterAll(async () => {
    await engine.close();
    console.log(
      `largest difference of log-probabilities to mlx-lm, ${executor} executor, all chunkings\n${JSON.stringify(report, null, 2)}`,
    );
  });

  describe.each(goldenNames())('%s', (name) => {
    const golden = readGolden(name);
    let runner: NativeRunner;

    beforeAll(async () => {
      runner = await loadModel(engine, golden.model);
    });

    afterAll(async () => {
      await runner?.unload();
    });

    it('gives the log-probabilities of mlx-lm, whatever the chunks of the prompt', async () => {
      const differences: number[] = [];
      for (const chunk of CHUNKS) differences.push(await largestDifference(runner, golden, chunk));
      report[name] = Math.max(...differences).toExponential(2);
      expect(Math.max(...differences), `by chunk ${CHUNKS.join(', ')}: ${differences.join(', ')}`).toBeLessThanOrEqual(TOLERANCE);
    });

    it('continues every prompt with the 64 tokens of mlx-lm', async () => {
      for (const [p, prompt] of golden.prompts.entries()) {
        const [alone] = await continueBatch(runner, [prompt], Infinity, GREEDY_TOKENS);
        expectSame(alone!, golden.greedy[p]!, TOLERANCE);
      }
    });

    it.each(CHUNKS)('gives each sequence of a ragged batch the same, prefilled in chunks of %d', async (chunk) => {
      const batch = await continueBatch(runner, golden.prompts, chunk, GREEDY_TOKENS);
      golden.greedy.forEach((theirs, p) => expectSame(batch[p]!, theirs, TOLERANCE));
    });
  });
});

function expectSame(ours: Continuation, theirs: Continuation, tolerance: number): void {
  expect(ours.tokens).toEqual(theirs.tokens);
  const difference = ours.logprobs.reduce((worst, x, i) => Math.max(worst, Math.abs(x - theirs.logprobs[i]!)), 0);
  expect(difference).toBeLessThanOrEqual(tolerance);
}
