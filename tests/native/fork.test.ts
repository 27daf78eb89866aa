import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { headBytes } from '../../src/core/domain/kv-format.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const WINDOW = 24;
const LENGTH = 704; // two full blocks and 192 tokens of a third
const tokens = tinyTokens(LENGTH);
const models = { dense: tinyModel({ window: null }), windowed: tinyModel({ window: WINDOW }) } as const;
const shapes = ['dense', 'windowed'] as const;

const engine = new native.Engine(ENGINE_OPTIONS);
afterAll(() => engine.close());

const bits = (logits: Float32Array): Buffer => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);

// fork-tree.test.ts runs f16 on both.
const formats = { mlx: ['f32', 'q8', 'q4'], cpu: ['f16', 'q8', 'q4'] } as const;
const cases = (['mlx', 'cpu'] as const).flatMap((executor) =>
  formats[executor].flatMap((kvFormat) => shapes.map((shape) => ({ executor, kvFormat, shape }))),
);

describe.each(cases)('a fork on the $executor executor, $shape model, $kvFormat KV', ({ executor, kvFormat, shape }) => {
  let model: Native.ModelId;
  beforeAll(async () => {
    const { spec, file } = models[shape];
    ({ model } = await engine.loadModel({ spec, files: [file], executor, kvFormat }));
  });
  afterAll(() => engine.unloadModel(model));

  const tokenBytes = TINY.layers * 2 * TINY.kvHeads * headBytes(kvFormat, TINY.headDim);
  const drop = (sequences: readonly Native.SequenceId[]): Promise<unknown> => Promise.all(sequences.map((s) => engine.dropSequence(s)));

  /** A sequence of `tokens`, fed in chunks of 256, cut to `length`. */
  async function resident(length = LENGTH): Promise<Native.SequenceId> {
    const sequence = await engine.createSequence(model, GREEDY);
    for (let at = 0; at < LENGTH; at += 256) await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + 256) }]));
    expect(await engine.truncateSequence(sequence, length)).toBe(length);
    return sequence;
  }

  async function fork(of: Native.SequenceId, length = LENGTH): Promise<Native.SequenceId> {
    const forked = await engine.forkSequence(of, length, GREEDY);
    expect(forked.length).toBe(length);
    return forked.sequence;
  }

  /** The bits of all logits and log-probabilities of a chunk of 9 tokens and ten greedy ones after it. */
  async function continuation(sequences: readonly Native.SequenceId[], seed = 5): Promise<Buffer[]> {
    const results = [
      await engine.step(
        plan(
          sequences.map((sequence) => ({ sequence, tokens: tinyTokens(9, seed), sample: true })),
          'all',
        ),
      ),
    ];
    for (let i = 0; i < 10; i += 1) {
      const last = results.at(-1)?.tokens ?? [];
      results.push(
        await engine.step(
          plan(
            sequences.map((sequence, j) => ({ sequence, tokens: [last[j] ?? -1], sample: true })),
            'all',
          ),
        ),
      );
    }
    return results.flatMap(({ logits, logprobs }) => [bits(logits), bits(logprobs)]);
  }

  it.each([LENGTH, LENGTH - 1, LENGTH - 100, ...(shape === 'dense' ? [512, 300, 256, 1] : [])])(
    'goes on from %i tokens with the bits of a sequence that was never forked, and leaves its source with its own',
    async (length) => {
      const [parent, alone, cut] = [await resident(), await resident(), await resident(length)];
      const child = await fork(parent, length);
      const want = await continuation([cut]);
      expect(await continuation([child])).toEqual(want);
      expect(await continuation([parent], 6)).toEqual(await continuation([alone], 6));
      // Once more from the same point: what the first child appended is its own.
      expect(await engine.truncateSequence(parent, LENGTH)).toBe(LENGTH);
      const second = await fork(parent, length);
      expect(await continuation([second])).toEqual(want);
      await drop([parent, alone, cut, child, second]);
    },
  );

  it('is made ten times without allocating or copying KV, and ten decode together as ten residents do', async () => {
    const before = engine.stats();
    const parent = await resident();
    const one = engine.stats().kvBytes - before.kvBytes;
    const children = await Promise.all(Array.from({ length: 10 }, () => fork(parent)));
    const forked = engine.stats();
    expect(forked.kvBytes - before.kvBytes).toBe(one);
    expect(forked.kvSharedBytes - before.kvSharedBytes).toBe(10 * one);
    expect(forked.kvCopiedBytes).toBe(before.kvCopiedBytes);
    expect(forked.sequences - before.sequences).toBe(11);

    const got = await continuation(children);
    const { kvBytes, kvCopiedBytes } = engine.stats();
    // Each has at most one block of its own per layer. On `cpu` the fork begins a panel of 16 keys, so there is nothing to copy.
    expect(kvBytes - before.kvBytes).toBeGreaterThanOrEqual(one + 10 * 19 * tokenBytes);
    expect(kvBytes - before.kvBytes).toBeLessThanOrEqual(one + 10 * 256 * tokenBytes);
    expect((kvCopiedBytes - before.kvCopiedBytes) / 10).toBeLessThan(256 * tokenBytes);
    if (shape === 'dense' || executor === 'cpu') expect(kvCopiedBytes).toBe(before.kvCopiedBytes);

    const residents = await Promise.all(Array.from({ length: 10 }, () => resident()));
    expect(got).toEqual(await continuation(residents));
    await drop([parent, ...children, ...residents]);
    expect(engine.stats()).toMatchObject({ kvBytes: before.kvBytes, kvSharedBytes: before.kvSharedBytes });
  });

  it.each([LENGTH, LENGTH - 1])(
    'of %i tokens and its source append in one step: one copies, the other then has the rest to itself',
    async (length) => {
      const [one, other, parent] = [await resident(length), await resident(length), await resident(length)];
      const child = await fork(parent, length);
      const before = engine.stats().kvCopiedBytes;
      const got = await continuation([parent, child]);
      const copied = engine.stats().kvCopiedBytes - before;
      if (executor === 'cpu') {
        const tokensCopied = length % 16 === 0 ? 0 : (16 + (length % 16)) / 2; // a panel of 16 keys, and the values that it has
        expect(copied).toBe(tokensCopied * tokenBytes);
      } else expect(copied).toBeLessThan(256 * tokenBytes);
      expect(got).toEqual(await continuation([one, other]));
      await drop([one, other, parent, child]);
    },
  );

  it.each(['parent first', 'children first'])('survives, and gives back all memory, when dropped %s', async (order) => {
    const before = engine.stats();
    const [parent, alone] = [await resident(), await resident()];
    const want = await continuation([alone]);
    const child = await fork(parent);
    const grandchild = await fork(child);
    if (order === 'parent first') {
      await drop([parent]);
      expect(await continuation([child])).toEqual(want);
      await drop([child]);
      expect(await continuation([grandchild])).toEqual(want);
      await drop([grandchild]);
    } else {
      expect(await continuation([grandchild])).toEqual(want);
      await drop([grandchild, child]);
      expect(await continuation([parent])).toEqual(want);
      await drop([parent]);
    }
    await drop([alone]);
    const { kvBytes, kvSharedBytes, sequences } = engine.stats();
    expect([kvBytes, kvSharedBytes, sequences]).toEqual([before.kvBytes, before.kvSharedBytes, before.sequences]);
  });

  it('of a fork that went on has the bits of one sequence that went all the way', async () => {
    const [parent, alone] = [await resident(), await resident()];
    const child = await fork(parent);
    await continuation([alone]);
    await continuation([child]);
    const grandchild = await fork(child, LENGTH + 19);
    const want = await continuation([alone], 7);
    expect(await continuation([grandchild], 7)).toEqual(want);
    expect(await continuation([child], 7)).toEqual(want);
    await drop([parent, alone, child, grandchild]);
  });

  it('keeps what its source cuts off and writes anew', async () => {
    const [parent, alone, cut] = [await resident(), await resident(), await resident(LENGTH - 50)];
    const child = await fork(parent);
    expect(await engine.truncateSequence(parent, LENGTH - 50)).toBe(LENGTH - 50);
    expect(await continuation([parent], 8)).toEqual(await continuation([cut], 8));
    expect(await continuation([child])).toEqual(await continuation([alone]));
    await drop([parent, alone, cut, child]);
  });

  it('has seen the tokens it shares, and counts and draws its own output from the start', async () => {
    const sampling = { ...GREEDY, temperature: 1, repetitionPenalty: 1.8, frequencyPenalty: 0.5, seed: 11n };
    const [parent, alone] = [await resident(), await resident()];
    await engine.setSampling(alone, sampling);
    const { sequence: child } = await engine.forkSequence(parent, LENGTH, sampling);
    const drawn = async (sequence: Native.SequenceId): Promise<number[]> => {
      const out = [3];
      for (let i = 0; i < 12; i += 1) {
        out.push((await engine.step(plan([{ sequence, tokens: [out.at(-1) ?? 0], sample: true }]))).tokens[0] ?? -1);
      }
      return out;
    };
    expect(await drawn(child)).toEqual(await drawn(alone));
    await drop([parent, alone, child]);
  });

  it('is empty and usable where a windowed layer forgot what the cut needs, and never so in a dense model', async () => {
    const parent = await resident();
    const forked = await engine.forkSequence(parent, 200, GREEDY);
    expect(forked.length).toBe(shape === 'dense' ? 200 : 0);
    const empty = (await engine.forkSequence(parent, 0, GREEDY)).sequence;
    const fresh = await engine.createSequence(model, GREEDY);
    const want = await continuation([fresh]);
    expect(await continuation([empty])).toEqual(want);
    if (shape === 'windowed') expect(await continuation([forked.sequence])).toEqual(want);
    await drop([parent, forked.sequence, empty, fresh]);
  });

  it('refuses unknown sequences, lengths out of range and wrong sampling, and makes nothing', async () => {
    const parent = await resident();
    const { sequences } = engine.stats();
    const refused = async (promise: Promise<unknown>, message: string): Promise<void> => {
      const error = await rejection(promise);
      expect(error.code).toBe('ERR_INVALID_ARGUMENT');
      expect(error.message).toContain(message);
    };
    await refused(engine.forkSequence(99999 as Native.SequenceId, 0, GREEDY), 'sequence 99999 does not exist');
    await refused(engine.forkSequence(parent, LENGTH + 1, GREEDY), `length should be in 0..${LENGTH}, is ${LENGTH + 1}`);
    for (const length of [-1, 1.5, Number.NaN]) await refused(engine.forkSequence(parent, length, GREEDY), 'length');
    await refused(engine.forkSequence(parent, 1, { ...GREEDY, topP: 2 }), 'sampling.topP');
    await refused(
      engine.forkSequence(parent, 1, { ...GREEDY, biasTokens: Int32Array.of(9999), biasValues: Float32Array.of(1) }),
      'biasTokens holds 9999',
    );
    expect(engine.stats().sequences).toBe(sequences);
    await engine.dropSequence(parent);
    await refused(engine.forkSequence(parent, 1, GREEDY), 'does not exist');
  });
});

describe.each(['mlx', 'cpu'] as const)('the memory budget on the %s executor', (executor) => {
  it('counts what forks share once, and refuses the append whose copy would pass it', async () => {
    const { spec, file } = models.dense;
    const weights = [...models.dense.tensors.values()].reduce((sum, t) => sum + t.data.byteLength, 0);
    const tight = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes: weights + 40_000_000 });
    const { model } = await tight.loadModel({ spec, files: [file], executor, kvFormat: 'f32' });
    const parent = await tight.createSequence(model, GREEDY);
    for (let at = 0; at < 700; at += 64)
      await tight.step(plan([{ sequence: parent, tokens: tokens.subarray(at, Math.min(at + 64, 700)) }]));
    // Far more than the budget holds as copies: 2,000 times 384 kB.
    const forks = await Promise.all(Array.from({ length: 2000 }, async () => (await tight.forkSequence(parent, 700, GREEDY)).sequence));
    let refused: Native.NativeError | undefined;
    let appended = 0;
    for (const sequence of forks) {
      const { kvBytes } = tight.stats();
      try {
        await tight.step(plan([{ sequence, tokens: [1] }]));
        appended += 1;
      } catch (error) {
        refused = error as Native.NativeError;
        expect(tight.stats().kvBytes).toBe(kvBytes);
        break;
      }
    }
    expect(appended).toBeGreaterThan(0);
    expect(refused).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', origin: 'engine.admit' });
    expect(tight.stats().sequences).toBe(2001);
    // A fork that goes makes room for the one that was refused; the first may have gone on in its source's memory.
    await tight.dropSequence(forks[1] as Native.SequenceId);
    await tight.step(plan([{ sequence: forks[appended] as Native.SequenceId, tokens: [1] }]));
    await tight.close();
  });
});
