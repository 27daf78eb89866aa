/** The runner over the real addon, on a tiny model. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NativeEngine } from '../../../src/adapters/mlx/native-engine.js';
import { readCheckpoint } from '../../../src/adapters/model-files/read-checkpoint.js';
import { buildDecoderSpec } from '../../../src/core/models/registry.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import { EXECUTORS, loadModel, openEngine } from '../../parity/engines.js';
import { FIXTURES } from '../../parity/golden.js';

const MODEL = join(FIXTURES, 'llama-4bit-g32');
const PROMPT = Int32Array.of(5, 250, 31, 7);

const folder = mkdtempSync(join(tmpdir(), 'semantic-runner-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(EXECUTORS)('a runner on the %s executor', (executor) => {
  let engine: NativeEngine;
  beforeEach(() => {
    engine = openEngine(executor);
  });
  afterEach(async () => {
    await engine.close();
  });

  it('knows the sizes of its model', async () => {
    const runner = await loadModel(engine, MODEL);
    expect(runner).toMatchObject({ contextLength: 512, vocabSize: 256 });
    expect(runner.weightBytes).toBeGreaterThan(50_000);
    expect(runner.kvBytesPerToken).toBe(4 * 2 * 2 * 32 * 4); // layers, k and v, kv heads, head dim, f32
    expect(engine.stats().weightBytes).toBe(runner.weightBytes);
  });

  it('samples where it is asked to, with alternatives best first', async () => {
    const runner = await loadModel(engine, MODEL);
    const ids = [await runner.createSequence({ ...GREEDY, topLogprobs: 3 }), await runner.createSequence(GREEDY)];
    const { samples, stepMicros } = await runner.step({
      entries: [
        { sequence: ids[0]!, tokens: PROMPT, sample: true },
        { sequence: ids[1]!, tokens: PROMPT, sample: false },
      ],
    });
    expect(samples[1]).toBeNull();
    const { token, logprob, top } = samples[0]!;
    expect(top).toHaveLength(3);
    expect(top[0]).toEqual({ token, logprob });
    expect(top.map((alternative) => alternative.logprob)).toEqual(top.map((alternative) => alternative.logprob).sort((a, b) => b - a));
    expect(stepMicros).toBeGreaterThan(0);
  });

  it('adds a logit bias to the token it names', async () => {
    const runner = await loadModel(engine, MODEL);
    const sequence = await runner.createSequence({ ...GREEDY, logitBias: new Map([[77, 100]]) });
    const { samples } = await runner.step({ entries: [{ sequence, tokens: PROMPT, sample: true }] });
    expect(samples[0]!.token).toBe(77);
  });

  it('continues from a cut as if the rest had never been there', async () => {
    const runner = await loadModel(engine, MODEL);
    const sequence = await runner.createSequence(GREEDY);
    const first = await runner.scoreTokens(sequence, PROMPT);
    expect(await runner.truncateSequence(sequence, 2)).toBe(2);
    const again = await runner.scoreTokens(sequence, PROMPT.subarray(2));
    expect(again.length).toBe(2 * 256);
    again.forEach((x, i) => expect(x).toBeCloseTo(first[2 * 256 + i]!, 4));
  });

  describe('that moves KV', () => {
    const path = join(folder, `images-${executor}`);
    const layers = Int32Array.of(0, 1, 2, 3);
    const image = { start: 0, count: PROMPT.length, layers, offset: 0, seed: 7n };

    it('continues what it loaded as what it saved', async () => {
      const runner = await loadModel(engine, MODEL);
      expect(runner.kvLayout).toMatch(executor === 'cpu' ? /^cpu\/panel16-v1\/f32$/ : /^mlx\/rows-v1\/f32\//);
      const [sequence, restored] = [await runner.createSequence(GREEDY), await runner.createSequence(GREEDY)];
      await runner.scoreTokens(sequence, PROMPT);
      const file = await open(path, 'w+');
      const [checksum] = await runner.saveKv(sequence, file.fd, [image]);
      expect(await runner.checksumFile(file.fd, 0, runner.kvImageBytes(image.count, layers), image.seed)).toBe(checksum);
      await runner.loadKv(restored, PROMPT, [{ ...image, fd: file.fd, checksum: checksum! }], PROMPT.length);
      expect(await runner.scoreTokens(restored, PROMPT)).toEqual(await runner.scoreTokens(sequence, PROMPT));
      await file.close();
    });

    it('says which image is damaged, and what the system refused', async () => {
      const runner = await loadModel(engine, MODEL);
      const [sequence, restored] = [await runner.createSequence(GREEDY), await runner.createSequence(GREEDY)];
      await runner.scoreTokens(sequence, PROMPT);
      const file = await open(path, 'w+');
      const [checksum] = await runner.saveKv(sequence, file.fd, [image]);
      const damaged = [{ ...image, fd: file.fd, checksum: checksum! ^ 1n }];
      await expect(runner.loadKv(restored, PROMPT, damaged, PROMPT.length)).rejects.toMatchObject({
        code: 'CacheCorruption',
        cause: { image: 0 },
      });
      await file.close();
      const readable = await open(path, 'r');
      await expect(runner.saveKv(sequence, readable.fd, [image])).rejects.toMatchObject({
        code: 'CachePersistence',
        cause: { errno: 'EBADF' },
      });
      await expect(runner.checksumFile(readable.fd, 0, 1e6, 0n)).rejects.toMatchObject({
        code: 'CachePersistence',
        cause: { errno: 'ENODATA' },
      });
      await readable.close();
      expect(() => runner.kvImageBytes(1, Int32Array.of(4))).toThrow(expect.objectContaining({ code: 'Internal' }) as Error);
    });
  });

  it('forks a sequence and continues it as if it were its own', async () => {
    const runner = await loadModel(engine, MODEL);
    const source = await runner.createSequence(GREEDY);
    const first = await runner.scoreTokens(source, PROMPT);
    const { sequence, length } = await runner.forkSequence(source, 2, GREEDY);
    expect(length).toBe(2);
    expect(engine.stats().kvCopiedBytes).toBe(0);
    const again = await runner.scoreTokens(sequence, PROMPT.subarray(2));
    again.forEach((x, i) => expect(x).toBeCloseTo(first[2 * 256 + i]!, 4));
    expect(engine.stats().kvCopiedBytes).toBeGreaterThan(0);
    await expect(runner.forkSequence(source, 2, { ...GREEDY, topP: 2 })).rejects.toMatchObject({ code: 'InvalidRequest' });
    await runner.dropSequence(source);
    await expect(runner.forkSequence(source, 2, GREEDY)).rejects.toMatchObject({ code: 'InvalidRequest' });
  });

  it('blames the user for a sampling value out of range', async () => {
    const runner = await loadModel(engine, MODEL);
    await expect(runner.createSequence({ ...GREEDY, temperature: NaN })).rejects.toMatchObject({ code: 'InvalidRequest' });
    const sequence = await runner.createSequence(GREEDY);
    await expect(runner.setSampling(sequence, { ...GREEDY, topP: 2 })).rejects.toMatchObject({ code: 'InvalidRequest' });
  });

  it('refuses a step on a sequence that is gone', async () => {
    const runner = await loadModel(engine, MODEL);
    const sequence = await runner.createSequence(GREEDY);
    await runner.dropSequence(sequence);
    await expect(runner.step({ entries: [{ sequence, tokens: PROMPT, sample: true }] })).rejects.toMatchObject({ code: 'Internal' });
  });

  it('gives its memory back when it is unloaded', async () => {
    const runner = await loadModel(engine, MODEL);
    await runner.unload();
    expect(engine.stats()).toMatchObject({ weightBytes: 0, kvBytes: 0, sequences: 0 });
  });

  it('names the file that vanished between reading its header and loading it', async () => {
    const copy = join(folder, executor);
    cpSync(MODEL, copy, { recursive: true });
    const checkpoint = await readCheckpoint(copy);
    rmSync(join(copy, 'model.safetensors'));
    await expect(engine.load(checkpoint, buildDecoderSpec(checkpoint))).rejects.toMatchObject({
      code: 'ModelFileMissing',
      message: expect.stringContaining('model.safetensors') as unknown,
    });
  });

  it('refuses a model that the memory budget does not allow', async () => {
    const small = openEngine(executor, { memoryBudgetBytes: 10_000 });
    try {
      await expect(loadModel(small, MODEL)).rejects.toMatchObject({ code: 'OutOfMemory' });
    } finally {
      await small.close();
    }
  });

  it('is shutting down once the engine is closed', async () => {
    const runner = await loadModel(engine, MODEL);
    await engine.close();
    await expect(runner.createSequence(GREEDY)).rejects.toMatchObject({ code: 'ShuttingDown' });
  });
});
