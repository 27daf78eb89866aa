/** Keys and values in 8 and 4 bits against mlx-lm's quantized cache: see tests/fixtures/models/generate_quantized_kv.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import { loadModel, logSoftmax, openEngine, scoreInChunks } from './engines.js';
import { FIXTURES, readGolden } from './golden.js';

const folder = join(FIXTURES, 'quantized-kv');
const { positions, changes } = JSON.parse(readFileSync(join(folder, 'rows.json'), 'utf8')) as {
  readonly positions: readonly number[];
  /** Of each model and format: how far quantizing moves half of the positions, nats. */
  readonly changes: Readonly<Record<string, Readonly<Record<'q8' | 'q4', number>>>>;
};
const CHUNKS = [270, 7];
const rooms = [
  { executor: 'mlx', instructionSet: 'auto' },
  { executor: 'cpu', instructionSet: 'auto' },
  { executor: 'cpu', instructionSet: 'portable' },
] as const;
const cases = rooms.flatMap((room) => (['q8', 'q4'] as const).map((kvFormat) => ({ ...room, kvFormat })));

describe.each(cases)('with KV in $kvFormat on the $executor executor, kernels $instructionSet', ({ kvFormat, ...room }) => {
  let engine: NativeEngine;
  beforeAll(() => {
    engine = openEngine(room.executor, { kvFormat, instructionSet: room.instructionSet });
  });
  afterAll(async () => {
    await engine.close();
  });

  // An element that lies between two codes takes the other one for a last bit of difference before it, which these spiky models
  // blow up as they do with the quantization itself: hence a share of what that changes.
  it.each(Object.keys(changes))('%s has the log-probabilities of mlx-lm, but for elements that lie between two codes', async (name) => {
    const { model, prompts, vocabSize } = readGolden(name);
    const runner = await loadModel(engine, model);
    const bytes = readFileSync(join(folder, `${name}.${kvFormat}.bin`));
    const theirs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    for (const chunk of CHUNKS) {
      const logits = await scoreInChunks(runner, prompts.at(-1)!, chunk);
      const worst = positions.map((position, i) => {
        const ours = logSoftmax(logits.subarray(position * vocabSize, (position + 1) * vocabSize));
        return ours.reduce((most, x, j) => Math.max(most, Math.abs(x - theirs[i * vocabSize + j]!)), 0);
      });
      expect(worst[0]).toBeLessThanOrEqual(1e-3); // the second token: too few elements for one to lie there
      const middle = worst.toSorted((a, b) => a - b)[positions.length >> 1]!;
      expect(middle).toBeLessThanOrEqual(changes[name]![kvFormat] / 3);
    }
    await runner.unload();
  });
});
