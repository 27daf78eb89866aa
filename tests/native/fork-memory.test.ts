/** What a family of forks holds on the `cpu` executor, wherever in a block the fork falls. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const CHILDREN = 10;
const STEPS = [1, 14, 1, 48]; // tokens that each child appends
const NEW_TOKENS = 64;
const AGENT = 4096;
/** 16 tokens of a head fill a page of 16 kB, the largest in use where this runs: memory is counted in panels of 16. */
const HEAD_DIM = 256;
const TOKEN_BYTES = TINY.layers * 2 * TINY.kvHeads * HEAD_DIM * 4; // f32
const tokens = tinyTokens(AGENT + 256);

describe('ten forks of a 4K agent on the cpu executor', () => {
  const engine = new native.Engine(ENGINE_OPTIONS);
  let model: Native.ModelId;
  beforeAll(async () => {
    const { spec, file } = tinyModel({ window: null, headDim: HEAD_DIM, contextLength: 8192 });
    ({ model } = await engine.loadModel({ spec, files: [file], executor: 'cpu', kvFormat: 'f32' }));
  });
  afterAll(() => engine.close());

  async function agent(length: number): Promise<Native.SequenceId> {
    const sequence = await engine.createSequence(model, GREEDY);
    for (let at = 0; at < length; at += 512) {
      await engine.step(plan([{ sequence, tokens: tokens.subarray(at, Math.min(at + 512, length)) }]));
    }
    return sequence;
  }

  /** Each appends tokens of its own; the logits of the last step. */
  async function append(sequences: readonly Native.SequenceId[]): Promise<Float32Array> {
    let logits: Float32Array = new Float32Array();
    let at = 0;
    for (const count of STEPS) {
      const entries = sequences.map((sequence, child) => ({ sequence, tokens: tinyTokens(NEW_TOKENS, child).subarray(at, at + count) }));
      ({ logits } = await engine.step(plan(entries, 'all')));
      at += count;
    }
    return logits;
  }

  const examples: [number][] = [[0], [1], [16], [113], [128], [255]];
  it(
    'take less than 1.1 times its KV beside their new tokens, copy less than 16 tokens each, and have the right logits',
    { timeout: 600_000 }, // with sanitizers; else some seconds
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 255 }), async (offset) => {
          const length = AGENT + offset;
          const parent = await agent(length);
          const one = engine.stats();
          const forks = await Promise.all(Array.from({ length: CHILDREN }, () => engine.forkSequence(parent, length, GREEDY)));
          const children = forks.map(({ sequence }) => sequence);
          expect(engine.stats()).toMatchObject({ kvBytes: one.kvBytes, kvCopiedBytes: one.kvCopiedBytes });
          const logits = await append(children);
          const { kvBytes, kvCopiedBytes } = engine.stats();
          expect(kvBytes - CHILDREN * NEW_TOKENS * TOKEN_BYTES).toBeLessThan(1.1 * one.kvBytes);
          expect(kvCopiedBytes - one.kvCopiedBytes).toBeLessThan(CHILDREN * 16 * TOKEN_BYTES);

          const alone = await agent(length);
          const want = await append([alone]);
          expect(Buffer.from(logits.slice(0, want.length).buffer).equals(Buffer.from(want.slice().buffer))).toBe(true);
          for (const sequence of [parent, alone, ...children]) await engine.dropSequence(sequence);
          expect(engine.stats()).toMatchObject({ kvBytes: 0, kvSharedBytes: 0 });
        }),
        { numRuns: examples.length + 4, examples },
      );
    },
  );
});
