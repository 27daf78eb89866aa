/** Layers that recur (gated delta nets): a state per sequence that no cut can go back into, and that forks, files and chunks leave alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import type { DecoderSpec } from '../../src/core/domain/decoder-spec.js';
import { kvLayersOf, ModelCacheSpec } from '../../src/core/domain/model-cache-spec.js';
import { buildDecoderSpec } from '../../src/core/models/registry.js';
import { readGolden } from '../parity/golden.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { KvFile, placesOf } from './support/kv-files.js';

const MODELS = ['qwen35-bf16', 'qwen35-4bit'] as const;
const LENGTH = 300; // past a block
type InstructionSet = Native.EngineOptions['instructionSet'];

async function load(engine: Native.Engine, name: string, executor: 'cpu' | 'mlx', compute: Native.Compute = 'exact') {
  const checkpoint = await readCheckpoint(readGolden(name).model);
  const spec = buildDecoderSpec(checkpoint);
  const { model } = await engine.loadModel({ spec, files: checkpoint.files, executor, kvFormat: 'f16', compute });
  return { model, spec };
}

const idsOf = (length: number, seed = 3): Int32Array => Int32Array.from({ length }, (_, i) => (i * 7919 + seed * 31) % 256);
const bits = (logits: Float32Array): Buffer => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);

async function feed(engine: Native.Engine, sequence: Native.SequenceId, tokens: Int32Array, chunk: number): Promise<Buffer> {
  const all: Buffer[] = [];
  for (let at = 0; at < tokens.length; at += chunk) {
    all.push(bits((await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + chunk) }], 'all'))).logits));
  }
  return Buffer.concat(all);
}

describe.each(MODELS)('%s on the cpu executor', (name) => {
  const tokens = idsOf(LENGTH);

  async function logitsOn(threads: number, instructionSet: InstructionSet, chunk: number, compute: Native.Compute = 'exact') {
    let engine: Native.Engine;
    try {
      engine = new native.Engine({ ...ENGINE_OPTIONS, threads, instructionSet });
    } catch {
      return null; // this CPU lacks it
    }
    try {
      const { model } = await load(engine, name, 'cpu', compute);
      return await feed(engine, await engine.createSequence(model, GREEDY), tokens, chunk);
    } finally {
      await engine.close();
    }
  }

  it.each(['exact', 'int8x2'] as const)('gives the same bits whatever the chunks and the threads, computing %s', async (compute) => {
    const whole = await logitsOn(2, 'auto', LENGTH, compute);
    for (const chunk of [1, 2, 7, 64, 129])
      expect((await logitsOn(2, 'auto', chunk, compute))!.equals(whole!), `chunks of ${chunk}`).toBe(true);
    for (const threads of [1, 3]) expect((await logitsOn(threads, 'auto', 64, compute))!.equals(whole!), `${threads} threads`).toBe(true);
  });

  it('gives the same bits on every instruction set that fuses', async () => {
    const all = await Promise.all((['avx512', 'avx2', 'neon'] as const).map((set) => logitsOn(2, set, 64)));
    const present = all.filter((logits) => logits !== null);
    for (const logits of present) expect(logits.equals(present[0]!)).toBe(true);
  });

  it('gives nearly the same on the portable one', async () => {
    const [portable, best] = await Promise.all([logitsOn(2, 'portable', 64), logitsOn(2, 'auto', 64)]);
    const floats = (bytes: Buffer) => new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const [a, b] = [floats(portable!), floats(best!)];
    expect(a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0)).toBeLessThan(1e-2);
  });

  it('gives the same bits in company', async () => {
    const engine = new native.Engine(ENGINE_OPTIONS);
    const { model, spec } = await load(engine, name, 'cpu');
    const [alone, one, other] = [
      await engine.createSequence(model, GREEDY),
      await engine.createSequence(model, GREEDY),
      await engine.createSequence(model, GREEDY),
    ];
    const wanted = await feed(engine, alone, tokens, 64);
    const got: Buffer[] = [];
    for (let at = 0; at < LENGTH; at += 50) {
      const mine = tokens.subarray(at, at + 50);
      const entries = [
        { sequence: other, tokens: idsOf(1 + (at % 37), at) },
        { sequence: one, tokens: mine },
      ];
      const { logits } = await engine.step(plan(entries, 'all'));
      got.push(bits(logits.subarray(-mine.length * spec.vocabSize)));
    }
    expect(Buffer.concat(got).equals(wanted)).toBe(true);
    await engine.close();
  });
});

describe.each((['cpu', 'mlx'] as const).flatMap((executor) => MODELS.map((name) => ({ name, executor }))))(
  '$name on the $executor executor',
  ({ name, executor }) => {
    const engine = new native.Engine(ENGINE_OPTIONS);
    let model: Native.ModelId;
    let spec: DecoderSpec;
    beforeAll(async () => {
      ({ model, spec } = await load(engine, name, executor));
    });
    afterAll(() => engine.close());

    const [start, then] = [idsOf(LENGTH), idsOf(40, 8)];
    const fresh = async (): Promise<Native.SequenceId> => {
      const sequence = await engine.createSequence(model, GREEDY);
      await feed(engine, sequence, start, 100);
      return sequence;
    };
    const drop = (sequences: readonly Native.SequenceId[]) => Promise.all(sequences.map((sequence) => engine.dropSequence(sequence)));

    it('a fork at the end goes on with the bits of its source, and neither feels what the other appends', async () => {
      const source = await fresh();
      const { sequence: fork, length } = await engine.forkSequence(source, LENGTH, GREEDY);
      expect(length).toBe(LENGTH);
      const copied = engine.stats().kvCopiedBytes;
      await feed(engine, fork, idsOf(30, 99), 30);
      if (executor === 'cpu') expect(engine.stats().kvCopiedBytes).toBeGreaterThan(copied); // the state, once
      const { sequence: again } = await engine.forkSequence(source, LENGTH, GREEDY);
      const untouched = await fresh();
      const wanted = await feed(engine, untouched, then, 20);
      expect((await feed(engine, source, then, 20)).equals(wanted)).toBe(true);
      expect((await feed(engine, again, then, 20)).equals(wanted)).toBe(true);
      await drop([source, fork, again, untouched]);
      expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0, kvSharedBytes: 0 });
    });

    it('a cut or a fork anywhere else keeps nothing, and what begins again gives the bits of a new sequence', async () => {
      const source = await fresh();
      for (const length of [1, 256, LENGTH - 1]) {
        const fork = await engine.forkSequence(source, length, GREEDY);
        expect(fork.length).toBe(0);
        await engine.dropSequence(fork.sequence);
      }
      expect(await engine.truncateSequence(source, LENGTH)).toBe(LENGTH);
      expect(await engine.truncateSequence(source, LENGTH - 1)).toBe(0);
      const begun = await engine.createSequence(model, GREEDY);
      expect((await feed(engine, source, start, 100)).equals(await feed(engine, begun, start, 100))).toBe(true);
      await drop([source, begun]);
      expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0 });
    });

    it('takes the memory that the cache spec counts, and as much of it for a state whatever was read', async () => {
      const cache = new ModelCacheSpec(kvLayersOf(spec), 'f16');
      const sequence = await engine.createSequence(model, GREEDY);
      for (const [i, length] of [256, 512].entries()) {
        await feed(engine, sequence, idsOf(256, i), 256);
        const state = cache.kinds.find(({ recurs }) => recurs)!.blockBytes;
        const used = engine.stats().kvBytes - length * cache.bytesPerToken;
        // 24 columns of a head's matrix are padded to 32 on the cpu executor, which is what the spec counts.
        if (executor === 'cpu' || name === 'qwen35-4bit') expect(used).toBe(state);
        else expect(used).toBeLessThan(state);
      }
      await engine.dropSequence(sequence);
    });

    it('a state is saved at the end of the sequence only, and loaded whole', async () => {
      const file = new KvFile(engine, model);
      const source = await fresh();
      const recurrent = Int32Array.from(spec.layers.flatMap(({ recurrence }, i) => (recurrence === undefined ? [] : [i])));
      expect(recurrent).toHaveLength(3);
      const early = await rejection(file.save(source, [{ start: 0, count: 256, layers: recurrent }]));
      expect(early).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect(early.message).toMatch(/image 0 is of tokens 0\.\.255, layer 0 recurs and has its state after 300 only/);
      const saved = await file.save(source, placesOf(spec, LENGTH));
      const back = await engine.createSequence(model, GREEDY);
      const cut = await rejection(engine.loadKv(back, start, saved, LENGTH - 1));
      expect(cut.message).toMatch(/length should be 300, since layer 0 recurs and cannot be cut, is 299/);
      const without = saved.filter(({ layers }) => !layers.includes(0));
      expect((await rejection(engine.loadKv(back, start, without, LENGTH))).message).toMatch(
        /layer 0 needs images of tokens 256\.\.299, none is of the block from 256 on/,
      );
      await engine.loadKv(back, start, saved, LENGTH);
      // What goes on meanwhile is not felt by either.
      expect((await feed(engine, back, then, 20)).equals(await feed(engine, source, then, 20))).toBe(true);
      await drop([source, back]);
      file.close();
      expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0 });
    });
  },
);
