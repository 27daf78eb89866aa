/** Random lengths, cuts and forks: what is saved of any sequence, loaded in any split, gives its bits. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { KvFile, placesOf } from './support/kv-files.js';
import { tinyModel, tinyTokens } from './support/tiny-model.js';

const RUNS = 15;
const models = { dense: tinyModel({ window: null }), windowed: tinyModel({ window: 300 }) } as const;
const cases = (['mlx', 'cpu'] as const).flatMap((executor) => (['dense', 'windowed'] as const).map((shape) => ({ executor, shape })));

const history = fc.record({
  chunks: fc.array(fc.integer({ min: 1, max: 260 }), { minLength: 1, maxLength: 6 }),
  /** Shares of the length at which it is cut, or forked, to go on with other tokens. */
  cuts: fc.array(
    fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), fork: fc.boolean(), more: fc.integer({ min: 1, max: 300 }) }),
    {
      maxLength: 3,
    },
  ),
  resident: fc.nat(4), // blocks that the sequence which is loaded has already
});

describe.each(cases)('images on the $executor executor, $shape model', ({ executor, shape }) => {
  const { spec, file } = models[shape];
  const engine = new native.Engine(ENGINE_OPTIONS);
  afterAll(() => engine.close());

  it('of any sequence give its bits', async () => {
    const { model } = await engine.loadModel({ spec, files: [file], executor, kvFormat: 'f16' });
    await fc.assert(
      fc.asyncProperty(history, async ({ chunks, cuts, resident }) => {
        const images = new KvFile(engine, model);
        const alive: Native.SequenceId[] = [];
        let sequence = await engine.createSequence(model, GREEDY);
        alive.push(sequence);
        let tokens: number[] = [];
        const feed = async (into: Native.SequenceId, fed: ArrayLike<number>): Promise<void> => {
          await engine.step(plan([{ sequence: into, tokens: fed }]));
        };
        const append = async (count: number, seed: number): Promise<void> => {
          const more = tinyTokens(count, seed);
          await feed(sequence, more);
          tokens.push(...more);
        };
        for (const [i, count] of chunks.entries()) await append(count, i + 1);
        for (const [i, { share, fork, more }] of cuts.entries()) {
          const wanted = Math.floor(tokens.length * share);
          let kept: number;
          if (fork) {
            ({ sequence, length: kept } = await engine.forkSequence(sequence, wanted, GREEDY));
            alive.push(sequence);
          } else kept = await engine.truncateSequence(sequence, wanted);
          tokens = tokens.slice(0, kept);
          await append(more, 100 + i);
        }

        const have = Math.min(resident * 256, Math.floor((tokens.length - 1) / 256) * 256);
        const saving = images.save(sequence, placesOf(spec, tokens.length, have));
        const restored = await engine.createSequence(model, GREEDY);
        if (have > 0) {
          // What it has already came from a file too: the same bits whatever the chunks of the sequence were.
          const { sequence: prefix, length } = await engine.forkSequence(sequence, have, GREEDY);
          alive.push(prefix);
          if (length < have) {
            await saving;
            for (const one of [...alive, restored]) await engine.dropSequence(one);
            images.close();
            return;
          }
          await engine.loadKv(restored, Int32Array.from(tokens.slice(0, have)), await images.save(prefix, placesOf(spec, have)), have);
        }
        await engine.loadKv(restored, Int32Array.from(tokens.slice(have)), await saving, tokens.length);
        for (let i = 0, token = 5; i < 4; i += 1) {
          const { logits, tokens: sampled } = await engine.step(
            plan(
              [sequence, restored].map((s) => ({ sequence: s, tokens: [token], sample: true })),
              'all',
            ),
          );
          const half = logits.length / 2;
          expect(Array.from(logits.subarray(half))).toEqual(Array.from(logits.subarray(0, half)));
          token = sampled[0]!;
        }
        for (const one of [...alive, restored]) await engine.dropSequence(one);
        images.close();
        expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0, kvSharedBytes: 0 });
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});
