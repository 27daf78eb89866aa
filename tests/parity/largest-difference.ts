import { expect } from 'vitest';
import type { NativeRunner } from '../../src/adapters/mlx/native-runner.js';
import { logSoftmax, scoreInChunks } from './engines.js';
import type { Golden } from './golden.js';

/** Largest difference of log-probabilities over all stored positions of all prompts, each fed in chunks. */
export async function largestDifference(runner: NativeRunner, golden: Golden, chunk: number): Promise<number> {
  return worst(await differences(runner, golden, chunk));
}

/** For every stored position the largest difference over the vocabulary, nats. */
export async function differences(runner: NativeRunner, golden: Golden, chunk: number): Promise<number[]> {
  const out: number[] = [];
  for (const [p, prompt] of golden.prompts.entries()) {
    const logits = await scoreInChunks(runner, prompt, Math.min(chunk, prompt.length));
    for (const position of golden.positions[p]!) {
      const ours = logSoftmax(logits.subarray(position * golden.vocabSize, (position + 1) * golden.vocabSize));
      const theirs = golden.rows.subarray(out.length * golden.vocabSize, (out.length + 1) * golden.vocabSize);
      out.push(worst(ours.map((x, i) => Math.abs(x - theirs[i]!))));
    }
  }
  expect(out.length * golden.vocabSize).toBe(golden.rows.length);
  return out;
}

/** The largest value; NaN if there is one. */
function worst(values: ArrayLike<number>): number {
  return Array.from(values).reduce((largest, value) => Math.max(largest, value), 0);
}
