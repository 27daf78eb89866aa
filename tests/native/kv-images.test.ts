/** KV saved to files and loaded from them: the same bits, whatever happens meanwhile, or an error and nothing changed. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, ftruncateSync, writeSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { headBytes, KV_FORMATS } from '../../src/core/domain/kv-format.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { KvFile, placesOf, type Place } from './support/kv-files.js';
import { tinyModel, tinyTokens } from './support/tiny-model.js';

const LENGTH = 700; // two full blocks and 188 tokens of a third
const tokens = tinyTokens(1100);
const models = { dense: tinyModel({ window: null }), windowed: tinyModel({ window: 300 }) } as const;

const engine = new native.Engine(ENGINE_OPTIONS);
afterAll(() => engine.close());

/** Of bits: cheap to compare, and to print where they differ. */
const digest = (bytes: Float32Array | Buffer): string => createHash('sha256').update(bytes).digest('hex');

function expectNothingHeld(): void {
  expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0, kvSharedBytes: 0 });
}

const cases = (['mlx', 'cpu'] as const).flatMap((executor) =>
  KV_FORMATS.flatMap((kvFormat) => (['dense', 'windowed'] as const).map((shape) => ({ executor, kvFormat, shape }))),
);

describe.each(cases)('KV in files on the $executor executor, $shape model, $kvFormat', ({ executor, kvFormat, shape }) => {
  const { spec, file } = models[shape];
  let model: Native.ModelId;
  let layout: string;
  let images: KvFile;
  beforeAll(async () => {
    ({ model, kvLayout: layout } = await engine.loadModel({ spec, files: [file], executor, kvFormat }));
  });
  afterAll(() => engine.unloadModel(model));
  beforeEach(() => {
    images = new KvFile(engine, model);
  });
  afterEach(() => {
    images.close();
    expectNothingHeld();
  });

  const empty = (): Promise<Native.SequenceId> => engine.createSequence(model, GREEDY);
  const drop = (sequences: readonly Native.SequenceId[]): Promise<unknown> => Promise.all(sequences.map((s) => engine.dropSequence(s)));

  async function feed(sequence: Native.SequenceId, from: number, to: number, chunk = 256): Promise<void> {
    for (let at = from; at < to; at += chunk)
      await engine.step(plan([{ sequence, tokens: tokens.subarray(at, Math.min(at + chunk, to)) }]));
  }

  async function resident(length = LENGTH, chunk = 256): Promise<Native.SequenceId> {
    const sequence = await empty();
    await feed(sequence, 0, length, chunk);
    return sequence;
  }

  /** The bits of all logits of a chunk of 9 tokens and 32 greedy ones after it. */
  async function continuation(sequence: Native.SequenceId): Promise<string[]> {
    const results = [await engine.step(plan([{ sequence, tokens: tinyTokens(9, 5), sample: true }], 'all'))];
    for (let i = 0; i < 32; i += 1) {
      results.push(await engine.step(plan([{ sequence, tokens: [results.at(-1)!.tokens[0]!], sample: true }], 'all')));
    }
    return results.flatMap(({ logits, logprobs }) => [digest(logits), digest(logprobs)]);
  }

  const load = (into: Native.SequenceId, saved: readonly Native.SavedKvImage[], from = 0, to = LENGTH): Promise<void> =>
    engine.loadKv(into, tokens.subarray(from, to), saved, to);

  it('say their layout, and that an image has the bytes of its layers', async () => {
    expect(layout).toBe(executor === 'cpu' ? `cpu/panel16-v1/${kvFormat}` : `mlx/rows-v1/${kvFormat}/cpu`);
    const [first, both] = [Int32Array.of(0), Int32Array.of(0, 1)];
    expect(engine.kvImageBytes(model, 256, both)).toBe(2 * engine.kvImageBytes(model, 256, first));
    expect(engine.kvImageBytes(model, 256, both)).toBe(256 * 2 * 2 * 2 * headBytes(kvFormat, 16));
    expect(engine.kvImageBytes(model, 1, both)).toBeLessThan(engine.kvImageBytes(model, 256, both) / 20);
    for (const layers of [[], [2], [-1], [0, 0]]) {
      expect(() => engine.kvImageBytes(model, 1, Int32Array.from(layers))).toThrow(/\[engine\.kv_image_bytes\] the image names/);
    }
  });

  it.each([LENGTH, 512, 300, 256, 100, 1])(
    'of %i tokens, loaded into a new sequence, go on with the bits of the one that was saved',
    async (length) => {
      const source = await resident(length);
      const saved = await images.save(source, placesOf(spec, length));
      const restored = await empty();
      await load(restored, saved, 0, length);
      expect(await continuation(restored)).toEqual(await continuation(source));
      await drop([source, restored]);
    },
  );

  it('are loaded behind what a sequence already holds', async () => {
    const [source, restored] = [await resident(), await resident(256)];
    const saved = await images.save(source, placesOf(spec, LENGTH, 256));
    await load(restored, saved, 256);
    expect(await continuation(restored)).toEqual(await continuation(source));
    await drop([source, restored]);
  });

  it('are loaded behind a fork, and the one it was forked from stays as it was', async () => {
    const [source, parent, alone] = [await resident(), await resident(512), await resident(512)];
    const { sequence: child } = await engine.forkSequence(parent, 512, GREEDY);
    await load(child, await images.save(source, placesOf(spec, LENGTH, 512)), 512);
    expect(await continuation(child)).toEqual(await continuation(source));
    expect(await continuation(parent)).toEqual(await continuation(alone));
    await drop([source, parent, alone, child]);
  });

  it('count as seen for the repetition penalty', async () => {
    const penalized = { ...GREEDY, repetitionPenalty: 1.8 };
    const [source, restored] = [await resident(), await engine.createSequence(model, penalized)];
    await load(restored, await images.save(source, placesOf(spec, LENGTH)));
    await engine.setSampling(source, penalized);
    for (let i = 0, token = 7; i < 20; i += 1) {
      const [a, b] = [
        await engine.step(plan([{ sequence: source, tokens: [token], sample: true }])),
        await engine.step(plan([{ sequence: restored, tokens: [token], sample: true }])),
      ];
      expect(b.tokens).toEqual(a.tokens);
      token = a.tokens[0]!;
    }
    await drop([source, restored]);
  });

  it('are equal for equal tokens, and nothing of longer sequences or of what was cut is in them', async () => {
    const places = placesOf(spec, LENGTH);
    const whole = await resident();
    const other = await resident(LENGTH, 256);
    await engine.step(plan([{ sequence: other, tokens: tinyTokens(60, 9) }])); // longer than what is saved of it
    const cut = await resident(690);
    await engine.step(plan([{ sequence: cut, tokens: tinyTokens(50, 10) }]));
    expect(await engine.truncateSequence(cut, 690)).toBe(690);
    await feed(cut, 690, LENGTH);
    const [one, two] = [await images.save(whole, places), await images.save(other, places)];
    expect(two.map(({ checksum }) => checksum)).toEqual(one.map(({ checksum }) => checksum));
    expect(two.map((image) => digest(images.bytesOf(image)))).toEqual(one.map((image) => digest(images.bytesOf(image))));
    const again = await resident(690);
    await feed(again, 690, LENGTH);
    const [three, four] = [await images.save(again, places), await images.save(cut, places)];
    expect(four.map((image) => digest(images.bytesOf(image)))).toEqual(three.map((image) => digest(images.bytesOf(image))));
    await drop([whole, other, cut, again]);
  });

  it('are of the sequence as it was when they were asked for, while it appends, forks, is cut and dropped', async () => {
    const [source, untouched] = [await resident(), await resident()];
    const places = placesOf(spec, LENGTH);
    const saving = images.save(source, places);
    const forking = engine.forkSequence(source, LENGTH, GREEDY);
    const steps = [
      engine.step(plan([{ sequence: source, tokens: tinyTokens(80, 3) }])),
      engine.truncateSequence(source, LENGTH - 20),
      engine.step(plan([{ sequence: source, tokens: tinyTokens(200, 4) }])),
      engine.dropSequence(source),
    ];
    const { sequence: child } = await forking;
    await engine.step(plan([{ sequence: child, tokens: tinyTokens(5, 6) }]));
    await Promise.all(steps);
    const restored = await empty();
    await load(restored, await saving);
    expect(await continuation(restored)).toEqual(await continuation(untouched));
    await drop([child, restored, untouched]);
  });

  it('that were damaged are refused by number, and the sequence is usable as it was', async () => {
    const [source, restored, alone] = [await resident(), await resident(256), await resident(256)];
    const saved = await images.save(source, placesOf(spec, LENGTH, 256));
    for (const [i, image] of saved.entries()) {
      const bytes = images.bytesOf(image);
      const at = (bytes.length * 0.7) | 0;
      const flip = (): number => writeSync(images.fd, Buffer.of((bytes[at]! ^= 4)), 0, 1, image.offset + at);
      flip();
      expect(await rejection(load(restored, saved, 256))).toMatchObject({ code: 'ERR_KV_CORRUPT', image: i, origin: 'store.read' });
      flip();
    }
    const otherSeed = saved.map((image, i) => (i === 1 ? { ...image, seed: image.seed + 1n } : image));
    expect(await rejection(load(restored, otherSeed, 256))).toMatchObject({ code: 'ERR_KV_CORRUPT', image: 1 });
    expect(await continuation(restored)).toEqual(await continuation(alone));
    await drop([source, restored, alone]);
  });

  it('whose file was cut are refused by number', async () => {
    const source = await resident();
    const saved = await images.save(source, placesOf(spec, LENGTH));
    const last = saved.at(-1)!;
    ftruncateSync(images.fd, last.offset + 100);
    const restored = await empty();
    expect(await rejection(load(restored, saved))).toMatchObject({ code: 'ERR_KV_CORRUPT', image: saved.length - 1 });
    await drop([source, restored]);
  });

  it('refuse to be saved or loaded where the operating system does, with its reason', async () => {
    const source = await resident();
    const saved = await images.save(source, placesOf(spec, LENGTH));
    const unwritable = openSync(images.path, 'r');
    expect(await rejection(engine.saveKv(source, unwritable, saved))).toMatchObject({
      code: 'ERR_IO',
      errno: 'EBADF',
      origin: 'store.write',
    });
    closeSync(unwritable);
    const unreadable = openSync(images.path, 'a');
    const restored = await empty();
    expect(
      await rejection(
        load(
          restored,
          saved.map((image) => ({ ...image, fd: unreadable })),
        ),
      ),
    ).toMatchObject({ code: 'ERR_IO', errno: 'EBADF', origin: 'store.read' });
    closeSync(unreadable);
    if (process.platform === 'linux') {
      const full = openSync('/dev/full', 'w');
      expect(await rejection(engine.saveKv(source, full, saved))).toMatchObject({ code: 'ERR_IO', errno: 'ENOSPC' });
      closeSync(full);
    }
    await load(restored, saved);
    expect(await continuation(restored)).toEqual(await continuation(source));
    await drop([source, restored]);
  });

  it('that the sequence does not hold are not saved', async () => {
    const source = await resident();
    const both = Int32Array.of(0, 1);
    const refused: (readonly [Place, string])[] = [
      [{ start: 512, count: 189, layers: both }, 'holds'],
      [{ start: 768, count: 1, layers: both }, 'holds'],
      [{ start: 100, count: 10, layers: both }, 'should start at a multiple of 256'],
      [{ start: 0, count: 257, layers: both }, 'count 1..256'],
      [{ start: 0, count: 1, layers: Int32Array.of(2) }, 'names layer 2'],
      [{ start: 0, count: 1, layers: Int32Array.of(1, 1) }, 'twice'],
      [{ start: 0, count: 1, layers: new Int32Array() }, 'no layer'],
      ...(shape === 'windowed' && executor === 'cpu'
        ? [[{ start: 0, count: 256, layers: Int32Array.of(1) }, 'holds 256..699'] as const]
        : []),
    ];
    for (const [place, message] of refused) {
      const good = { start: 512, count: 188, layers: both, offset: 0, seed: 0n };
      const error = await rejection(engine.saveKv(source, images.fd, [good, { ...place, offset: 5000, seed: 0n }]));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', origin: 'engine.save_kv' });
      expect(error.message).toContain(`image 1`);
      expect(error.message).toContain(message);
    }
    expect(images.bytesOf({ start: 0, count: 1, layers: both, offset: 0, seed: 0n })).toHaveLength(0); // nothing was written
    expect(await engine.saveKv(source, images.fd, [])).toEqual(new BigUint64Array());
    await drop([source]);
  });

  it('that are not just what the sequence needs are not loaded', async () => {
    const [source, restored, odd] = [await resident(), await resident(256), await resident(255)];
    const saved = await images.save(source, placesOf(spec, LENGTH, 256));
    const all = await images.save(source, placesOf(spec, LENGTH));
    const refusal = async (promise: Promise<void>): Promise<string> => {
      const error = await rejection(promise);
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', origin: 'engine.load_kv' });
      return error.message;
    };
    expect(await refusal(load(restored, saved.slice(1), 256))).toContain(
      'layer 0 needs images of tokens 256..699, none is of the block from 256 on',
    );
    expect(await refusal(load(restored, [...saved, saved[0]!], 256))).toContain('an image before it has too');
    expect(await refusal(load(restored, all, 256))).toContain('wanted are blocks of tokens 256..699');
    expect(await refusal(load(restored, saved, 256, LENGTH - 1))).toContain('wanted are blocks of tokens 256..698');
    expect(await refusal(load(restored, saved, 256, LENGTH + 1))).toContain('wanted are blocks of tokens 256..700');
    expect(await refusal(load(odd, saved, 256))).toContain('should hold a multiple of 256 tokens, holds 255');
    expect(await refusal(engine.loadKv(restored, new Int32Array(), [], 0))).toContain('no tokens');
    expect(await refusal(engine.loadKv(restored, Int32Array.of(320), [], 1))).toContain('outside the vocabulary');
    expect(await refusal(engine.loadKv(restored, new Int32Array(4000), [], 4000))).toContain('the context holds 4096');
    for (const length of [256, LENGTH + 1]) {
      expect(await refusal(engine.loadKv(restored, tokens.subarray(256, LENGTH), saved, length))).toContain(
        `length should be in 257..700, is ${length}`,
      );
    }
    if (shape === 'windowed') {
      const fresh = await empty();
      const more = { ...all[0]!, layers: Int32Array.of(1) };
      expect(await refusal(load(fresh, [...all, more]))).toContain(
        'layer 1 needs images of tokens 256..699, one is of the block from 0 on',
      );
      await drop([fresh]);
    }
    await load(restored, saved, 256);
    expect(await continuation(restored)).toEqual(await continuation(source));
    await drop([source, restored, odd]);
  });

  it('leave a sequence alone to them until they are loaded; dropping it takes effect then', async () => {
    const source = await resident();
    const saved = await images.save(source, placesOf(spec, LENGTH));
    const restored = await empty();
    const working = engine.step(plan([{ sequence: source, tokens: tokens.subarray(0, 300) }])); // all that follows waits in the queue
    const loading = load(restored, saved);
    const busy = { code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(`sequence ${restored} is being loaded`) as string };
    const refused = [
      engine.step(plan([{ sequence: restored, tokens: [1] }])),
      engine.forkSequence(restored, 0, GREEDY),
      engine.truncateSequence(restored, 0),
      engine.saveKv(restored, images.fd, []),
      load(restored, saved),
    ].map(rejection);
    const dropped = engine.dropSequence(restored);
    for (const error of await Promise.all(refused)) expect(error).toMatchObject(busy);
    await Promise.all([working, loading, dropped]);
    expect((await rejection(engine.truncateSequence(restored, 0))).message).toContain('does not exist');
    await drop([source]);
  });

  it('are refused before anything is allocated when the budget has no room for them', async () => {
    const source = await resident();
    const saved = await images.save(source, placesOf(spec, LENGTH));
    const [{ kvBytes: before, weightBytes }, there] = [engine.stats(), await empty()];
    await load(there, saved);
    const kvBytes = engine.stats().kvBytes - before;
    const small = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes: weightBytes + kvBytes - 1 });
    const loaded = await small.loadModel({ spec, files: [file], executor, kvFormat });
    const restored = await small.createSequence(loaded.model, GREEDY);
    expect(await rejection(small.loadKv(restored, tokens.subarray(0, LENGTH), saved, LENGTH))).toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
      origin: 'engine.admit',
    });
    expect(small.stats().kvBytes).toBe(0);
    await small.close();
    const enough = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes: weightBytes + kvBytes });
    const again = await enough.loadModel({ spec, files: [file], executor, kvFormat });
    await enough.loadKv(await enough.createSequence(again.model, GREEDY), tokens.subarray(0, LENGTH), saved, LENGTH);
    expect(enough.stats().kvBytes).toBe(kvBytes);
    await enough.close();
    await drop([source, there]);
  });

  it('are finished before their model goes', async () => {
    const own = await engine.loadModel({ spec, files: [file], executor, kvFormat });
    const source = await engine.createSequence(own.model, GREEDY);
    for (let at = 0; at < LENGTH; at += 256)
      await engine.step(plan([{ sequence: source, tokens: tokens.subarray(at, Math.min(at + 256, LENGTH)) }]));
    const saved = await images.save(source, placesOf(spec, LENGTH));
    const restored = await engine.createSequence(own.model, GREEDY);
    const moving = [engine.saveKv(source, images.fd, images.lay(placesOf(spec, LENGTH))), load(restored, saved)];
    const unloading = engine.unloadModel(own.model);
    expect((await rejection(engine.createSequence(own.model, GREEDY))).message).toContain('does not exist');
    await Promise.all(moving);
    await unloading;
    expect(() => engine.kvImageBytes(own.model, 1, Int32Array.of(0))).toThrow('does not exist');
  });

  it('in progress end with the engine', async () => {
    const other = new native.Engine(ENGINE_OPTIONS);
    const loaded = await other.loadModel({ spec, files: [file], executor, kvFormat });
    const source = await other.createSequence(loaded.model, GREEDY);
    await other.step(plan([{ sequence: source, tokens: tokens.subarray(0, LENGTH) }]));
    const places = placesOf(spec, LENGTH);
    const target = new KvFile(other, loaded.model);
    const saved = await target.save(source, places);
    const moving = Array.from({ length: 6 }, async (_, i) => {
      if (i % 2 === 0) return other.saveKv(source, target.fd, target.lay(places));
      return other.loadKv(await other.createSequence(loaded.model, GREEDY), tokens.subarray(0, LENGTH), saved, LENGTH);
    });
    const [outcomes] = await Promise.all([Promise.allSettled(moving), other.close()]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ERR_ENGINE_CLOSED' });
    }
    expect(await rejection(other.saveKv(source, target.fd, []))).toMatchObject({ code: 'ERR_ENGINE_CLOSED' });
    target.close();
  });
});
