/** Hidden states behind the final norm against mlx-lm's, and what becomes of them in one vector per input. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import { type Pooling, POOLINGS } from '../../src/core/domain/pooling.js';
import { PooledStates } from '../../src/core/domain/pooled-states.js';
import { GREEDY } from '../../src/core/domain/sampling.js';
import { EXECUTORS, loadModel, openEngine } from './engines.js';
import { FIXTURES, readGolden } from './golden.js';

type Pooled = Readonly<Record<Pooling, readonly number[]>>;
const golden = JSON.parse(readFileSync(join(FIXTURES, 'hidden.json'), 'utf8')) as {
  readonly models: Readonly<Record<string, readonly Pooled[]>>;
};
const CHUNKS = [7, Infinity];

describe.each(EXECUTORS)('on the %s executor', (executor) => {
  let engine: NativeEngine;
  beforeAll(() => {
    engine = openEngine(executor);
  });
  afterAll(() => engine.close());

  it.each(Object.keys(golden.models))(
    '%s: mean, first and last are those of mlx-lm, alone and beside others, in every chunking',
    async (name) => {
      const { model, prompts } = readGolden(name);
      const runner = await loadModel(engine, model);
      for (const chunk of CHUNKS) {
        const sequences = await Promise.all(prompts.map(() => runner.createSequence(GREEDY)));
        const states = prompts.map(() => POOLINGS.map((pooling) => new PooledStates(pooling)));
        for (let from = 0; prompts.some(({ length }) => from < length); from += chunk) {
          const going = prompts.flatMap((prompt, p) => (from < prompt.length ? [p] : []));
          // Every other one samples, and only odd ones want their states: rows must not be mixed up.
          const entries = going.map((p) => ({
            sequence: sequences[p]!,
            tokens: Int32Array.from(prompts[p]!.slice(from, from + chunk)),
            sample: p % 2 === 0,
            ...(chunk === Infinity || p > 0 ? { hidden: true } : {}),
          }));
          const { hidden } = await runner.step({ entries });
          going.forEach((p, i) => {
            expect(hidden?.[i] === undefined || hidden[i] === null).toBe(entries[i]!.hidden === undefined);
            if (hidden?.[i]) for (const pooled of states[p]!) pooled.add(from, hidden[i], runner.hiddenSize);
          });
        }
        for (const [p, want] of golden.models[name]!.entries()) {
          if (chunk !== Infinity && p === 0) continue;
          POOLINGS.forEach((pooling, i) => expectClose(states[p]![i]!.vector(), want[pooling]));
        }
        for (const sequence of sequences) await runner.dropSequence(sequence);
      }
      await runner.unload();
    },
  );
});

function expectClose(got: Float32Array, want: readonly number[]): void {
  expect(got).toHaveLength(want.length);
  const largest = Math.max(...want.map(Math.abs));
  const difference = Math.max(...want.map((x, i) => Math.abs(x - got[i]!)));
  expect(difference / largest).toBeLessThan(1e-4);
}
