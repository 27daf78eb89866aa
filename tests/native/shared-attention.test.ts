/** Sequences of one step that hold the same KV are attended to together on the `cpu` executor: how often, and with what bits. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { tinyModel, tinyTokens } from './support/tiny-model.js';

const LENGTH = 800;
const CHUNK = 200;
const tokens = tinyTokens(LENGTH);
const models = { dense: tinyModel({ window: null }), windowed: tinyModel({ window: 300 }) } as const;

async function resident(engine: Native.Engine, model: Native.ModelId): Promise<Native.SequenceId> {
  const sequence = await engine.createSequence(model, GREEDY);
  for (let at = 0; at < LENGTH; at += CHUNK) await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + CHUNK) }]));
  return sequence;
}

/** One thread has each tile to itself; with many, tiles are split by blocks of keys. */
const cases = ([1, 4] as const).flatMap((threads) => (['dense', 'windowed'] as const).map((shape) => ({ threads, shape })));

describe.each(cases)('attention of $threads threads over forks of a $shape model', ({ threads, shape }) => {
  const engine = new native.Engine({ ...ENGINE_OPTIONS, threads });
  afterAll(() => engine.close());
  const { spec, file } = models[shape];

  it('reads what n forks share once, not n times', async () => {
    const { model } = await engine.loadModel({ spec, files: [file], executor: 'cpu', kvFormat: 'f16' });
    const parent = await resident(engine, model);
    const forks = await Promise.all(Array.from({ length: 6 }, async () => (await engine.forkSequence(parent, LENGTH, GREEDY)).sequence));
    const strangers = [await resident(engine, model), await resident(engine, model)];
    const readsOf = async (sequences: readonly Native.SequenceId[]): Promise<number> => {
      const before = engine.stats().kvSharedReads;
      await engine.step(plan(sequences.map((sequence) => ({ sequence, tokens: [7] }))));
      return engine.stats().kvSharedReads - before;
    };
    // Six blocks of 128 keys lie before token 800; a window of 300 that ends there begins in the fourth, of index 3.
    const blocks = shape === 'dense' ? 6 + 6 : 6 + 3;
    expect(await readsOf(forks)).toBe(5 * blocks * 128);
    expect(await readsOf([parent, ...strangers, forks[2]!])).toBe(blocks * 128);
    expect(await readsOf(strangers)).toBe(0);
    await engine.unloadModel(model);
  });

  const sequences = fc.array(
    fc.record({
      of: fc.nat(),
      cut: fc.integer({ min: 0, max: 40 }),
      grown: fc.integer({ min: 0, max: 160 }),
      appended: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 2, maxLength: 28 },
  );
  it.each(['f16', 'f32'] as const)(
    'gives each sequence of a tree the logits it has alone, in %s',
    { timeout: 120_000 },
    async (kvFormat) => {
      const { model } = await engine.loadModel({ spec, files: [file], executor: 'cpu', kvFormat });
      await fc.assert(
        fc.asyncProperty(sequences, fc.boolean(), async (wanted, withPrompt) => {
          // Each is a fork, `cut` tokens shorter, of an earlier one, with tokens of its own after that; and so is its twin, alone.
          const together: Native.SequenceId[] = [await resident(engine, model)];
          const twins: Native.SequenceId[] = [await resident(engine, model)];
          const lengths = [LENGTH];
          for (const [i, { of, cut, grown }] of wanted.entries()) {
            const from = of % together.length;
            // A windowed layer may have forgotten what the cut needs; then nothing is cut.
            const probe = await engine.forkSequence(twins[from]!, lengths[from]! - cut, GREEDY);
            await engine.dropSequence(probe.sequence);
            const length = probe.length === 0 ? lengths[from]! : probe.length;
            for (const family of [together, twins]) {
              const { sequence, length: kept } = await engine.forkSequence(family[from]!, length, GREEDY);
              expect(kept).toBe(length);
              if (grown > 0) await engine.step(plan([{ sequence, tokens: tinyTokens(grown, i) }]));
              family.push(sequence);
            }
            lengths.push(length + grown);
          }
          const entries = together.map((sequence, i) => ({
            sequence,
            tokens: tinyTokens(i === 0 && withPrompt ? 130 : (wanted[i]?.appended ?? 1), i),
          }));
          const { logits } = await engine.step(plan(entries, 'all'));
          let at = 0;
          for (const [i, sequence] of twins.entries()) {
            const { logits: want } = await engine.step(plan([{ sequence, tokens: entries[i]!.tokens }], 'all'));
            expect(Buffer.from(logits.slice(at, at + want.length).buffer).equals(Buffer.from(want.slice().buffer)), `sequence ${i}`).toBe(
              true,
            );
            at += want.length;
          }
          for (const sequence of [...together, ...twins]) await engine.dropSequence(sequence);
        }),
        { numRuns: 40 },
      );
      await engine.unloadModel(model);
    },
  );
});

it('the mlx executor attends sequence by sequence', async () => {
  const engine = new native.Engine(ENGINE_OPTIONS);
  const { spec, file } = models.dense;
  const { model } = await engine.loadModel({ spec, files: [file], executor: 'mlx', kvFormat: 'f16' });
  const parent = await resident(engine, model);
  const { sequence } = await engine.forkSequence(parent, LENGTH, GREEDY);
  await engine.step(plan([parent, sequence].map((each) => ({ sequence: each, tokens: [1] }))));
  expect(engine.stats().kvSharedReads).toBe(0);
  await engine.close();
});
