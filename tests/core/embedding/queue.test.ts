import { describe, expect, it } from 'vitest';
import { SemanticError } from '../../../src/core/domain/errors.js';
import type { Encoder } from '../../../src/core/embedding/embedding-model.js';
import { EmbeddingQueue } from '../../../src/core/embedding/embedding-queue.js';
import { EmbeddingTurns } from '../../../src/core/embedding/embedding-turns.js';
import { StepWatch } from '../../../src/core/embedding/step-watch.js';
import type { EncoderRunner } from '../../../src/core/ports.js';

/** A runner that says what it was given: of what is encoded nothing is asked here, only when and with whom. */
class Recorder implements EncoderRunner {
  readonly contextLength = 1000;
  readonly vocabSize = 1000;
  readonly hiddenSize = 1;
  readonly weightBytes = 0;
  /** First ids of the inputs of each slice. */
  readonly slices: number[][] = [];
  failure: Error | null = null;
  hold: Promise<void> = Promise.resolve();

  async encode(inputs: readonly Int32Array[]): Promise<{ vectors: Float32Array[]; micros: number }> {
    this.slices.push(inputs.map((input) => input[0]!));
    await this.hold;
    if (this.failure !== null) throw this.failure;
    return { vectors: inputs.map((input) => Float32Array.of(input[0]!)), micros: 1 };
  }

  async unload(): Promise<void> {}
}

const modelOf = (runner: EncoderRunner): Encoder => ({ runner, pooling: 'mean' });
const input = (id: number, length = 10): Int32Array => new Int32Array(length).fill(id);
const free = (): AbortSignal => new AbortController().signal;

function open(limits: Partial<ConstructorParameters<typeof EmbeddingQueue>[1]> = {}): EmbeddingQueue {
  const all = { maxRequests: 3, sliceTokens: 40, retryAfterSeconds: 2, maxRetryAfterSeconds: 60, ...limits };
  return new EmbeddingQueue(new EmbeddingTurns(new StepWatch(), 0.5), all);
}

describe('the queue', () => {
  it('gives each input its vector, in order, in slices of bounded size', async () => {
    const runner = new Recorder();
    const inputs = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => input(id));
    const vectors = await open().embed(modelOf(runner), inputs, { key: 'a', signal: free() });
    expect(vectors.map(([x]) => x)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(runner.slices).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9]]);
  });

  it('lets an input that is longer than a slice be one by itself', async () => {
    const runner = new Recorder();
    await open().embed(modelOf(runner), [input(1), input(2, 100), input(3)], { key: 'a', signal: free() });
    expect(runner.slices).toEqual([[1], [2], [3]]);
  });

  it('puts requests that come together into one slice, an input of each in turn', async () => {
    const runner = new Recorder();
    const [queue, model] = [open(), modelOf(runner)];
    const long = queue.embed(
      model,
      [1, 2, 3, 4, 5, 6, 7, 8].map((id) => input(id)),
      { key: 'a', signal: free() },
    );
    const short = queue.embed(model, [input(101)], { key: 'a', signal: free() });
    const other = queue.embed(model, [input(201), input(202)], { key: 'b', signal: free() });
    await Promise.all([long, short, other]);
    expect(runner.slices[0]).toEqual([1, 201, 101, 202]);
    expect(runner.slices.flat()).toHaveLength(11);
  });

  it('lets a short request pass a batch of a thousand inputs within a slice', async () => {
    const runner = new Recorder();
    const [queue, model] = [open(), modelOf(runner)];
    const long = queue.embed(
      model,
      Array.from({ length: 500 }, () => input(1)),
      { key: 'a', signal: free() },
    );
    while (runner.slices.length < 5) await new Promise((resolve) => setImmediate(resolve));
    const before = runner.slices.length;
    await queue.embed(model, [input(2)], { key: 'a', signal: free() });
    expect(runner.slices.findIndex((slice) => slice.includes(2)) - before).toBeLessThanOrEqual(1);
    await long;
  });

  it('never mixes models in a slice', async () => {
    const [first, second] = [new Recorder(), new Recorder()];
    const queue = open();
    const [one, two] = [modelOf(first), modelOf(second)];
    await Promise.all([
      queue.embed(one, [input(1), input(2)], { key: 'a', signal: free() }),
      queue.embed(two, [input(3), input(4)], { key: 'b', signal: free() }),
    ]);
    expect([first.slices, second.slices]).toEqual([[[1, 2]], [[3, 4]]]);
  });

  it('is Overloaded where as many requests are there as may be, and takes one again when one has ended', async () => {
    const queue = open();
    let end = (): void => undefined;
    const held = [1, 2, 3].map(() => queue.withPlace(() => new Promise<void>((resolve) => (end = resolve))));
    const refused = queue.withPlace(() => Promise.resolve());
    await expect(refused).rejects.toMatchObject({ code: 'Overloaded', status: 429, retryAfterSeconds: 2 });
    end();
    await held[2];
    await expect(queue.withPlace(() => Promise.resolve('done'))).resolves.toBe('done');
    expect(queue.requests).toBe(2);
  });

  it('gives a place back when the work fails', async () => {
    const queue = open({ maxRequests: 1 });
    await expect(queue.withPlace(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(queue.requests).toBe(0);
  });

  it('takes a request out whose client goes away: what waits of it is never encoded, others are', async () => {
    const runner = new Recorder();
    let go = (): void => undefined;
    runner.hold = new Promise((resolve) => (go = resolve));
    const [queue, model] = [open(), modelOf(runner)];
    const gone = new AbortController();
    const cancelled = queue.embed(
      model,
      Array.from({ length: 20 }, () => input(1)),
      { key: 'a', signal: gone.signal },
    );
    const stays = queue.embed(
      model,
      Array.from({ length: 4 }, () => input(2)),
      { key: 'a', signal: free() },
    );
    await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'Cancelled' });
    go();
    expect(await stays).toHaveLength(4);
    expect(runner.slices.flat().filter((id) => id === 1).length).toBeLessThanOrEqual(4);
    const late = queue.embed(model, [input(3)], { key: 'a', signal: gone.signal });
    await expect(late).rejects.toMatchObject({ code: 'Cancelled' });
  });

  it('tells every request of a slice that fails, and goes on with the others', async () => {
    const runner = new Recorder();
    runner.failure = new SemanticError('OutOfMemory', 'no room');
    const [queue, model] = [open(), modelOf(runner)];
    const failing = [1, 2].map((id) => queue.embed(model, [input(id), input(id), input(id)], { key: 'a', signal: free() }));
    for (const each of failing) await expect(each).rejects.toMatchObject({ code: 'OutOfMemory' });
    runner.failure = null;
    await expect(queue.embed(model, [input(5)], { key: 'a', signal: free() })).resolves.toHaveLength(1);
  });
});
