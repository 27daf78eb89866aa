import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from '../../../src/core/domain/block-pool.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { type Job, Scheduler, type SchedulerLimits } from '../../../src/core/engine/scheduler.js';
import { BLOCK_BYTES, TINY_CACHE } from './tiny-cache.js';

const limits: SchedulerLimits = { maxBatchSequences: 3, maxQueue: 4, prefillChunkTokens: 8, retryAfterSeconds: 2 };
const job = (id: number, promptTokens: number, maxKvTokens = 256): Job => ({
  id,
  prompt: Int32Array.from({ length: promptTokens }, (_, i) => i),
  maxKvTokens,
  blocks: TINY_CACHE.blocksFor(maxKvTokens),
});

/** A scheduler and its pool, and what the engine does between the two. */
function create(changes: Partial<SchedulerLimits> = {}, blocks = 2) {
  const pool = new BlockPool(TINY_CACHE, { bytes: blocks * BLOCK_BYTES });
  const scheduler = new Scheduler({ ...limits, ...changes }, pool);
  return {
    pool,
    scheduler,
    nextToAdmit: (given: readonly number[] = []) => scheduler.nextToAdmit(({ blocks: wanted }) => pool.canAllocate(wanted, given)),
    admit: (id: number, sequence: number, cachedTokens: number): void => {
      scheduler.admit(id, pool.allocate(scheduler.nextToAdmit(() => true)!.blocks));
      scheduler.start(id, sequence, cachedTokens);
    },
    remove: (id: number) => {
      const removed = scheduler.remove(id);
      if (removed !== null) pool.free(removed.lease);
      return removed;
    },
  };
}

describe('enqueue', () => {
  test('enqueue() throws Overloaded with the time to wait when the queue is full', () => {
    const { scheduler, admit } = create({}, 3);
    for (const id of [1, 2, 3]) scheduler.enqueue(job(id, 4));
    for (const id of [1, 2, 3]) admit(id, id, 0);
    for (const id of [4, 5, 6, 7]) scheduler.enqueue(job(id, 4));
    expect(() => scheduler.enqueue(job(8, 4))).toThrow(expect.objectContaining({ code: 'Overloaded', retryAfterSeconds: 2 }));
  });

  test('enqueue() throws OutOfMemory for a job larger than the whole budget, and takes nothing in', () => {
    const { scheduler } = create();
    const message = `[scheduler] the request wants ${3 * BLOCK_BYTES} bytes of KV for 768 tokens, the memory budget holds ${2 * BLOCK_BYTES}`;
    expect(() => scheduler.enqueue(job(1, 4, 768))).toThrow(expect.objectContaining({ code: 'OutOfMemory', message }));
    expect(scheduler.counts()).toMatchObject({ waiting: 0, enqueued: 0 });
  });
});

test('enqueue() counts free batch slots before the queue: requests that arrive together are not refused for a loop that has not run yet', () => {
  const { scheduler } = create({ maxQueue: 1 });
  for (const id of [1, 2, 3, 4]) scheduler.enqueue(job(id, 4));
  expect(() => scheduler.enqueue(job(5, 4))).toThrow(expect.objectContaining({ code: 'Overloaded' }));
});

describe('admission', () => {
  test('a job waits while the KV budget is reserved by others, and nobody overtakes it', () => {
    const { scheduler, nextToAdmit, admit, remove } = create();
    scheduler.enqueue(job(1, 4, 256));
    scheduler.enqueue(job(2, 4, 512));
    scheduler.enqueue(job(3, 4, 256));
    admit(1, 11, 0);
    expect(nextToAdmit()).toBeNull();
    remove(1);
    expect(nextToAdmit()?.id).toBe(2);
  });

  test('blocks that others will give back count as free for admission', () => {
    const { pool, scheduler, nextToAdmit } = create();
    const kept = pool.allocate([2]);
    scheduler.enqueue(job(1, 4));
    expect(nextToAdmit()).toBeNull();
    expect(nextToAdmit([2])?.id).toBe(1);
    pool.free(kept);
    expect(nextToAdmit()?.id).toBe(1);
  });

  test('admit() refuses a lease that does not hold the blocks of the job, and a job that is not first', () => {
    const { pool, scheduler } = create();
    scheduler.enqueue(job(1, 4, 512));
    scheduler.enqueue(job(2, 4));
    expect(() => scheduler.admit(1, pool.allocate([1]))).toThrow('[scheduler] job 1 wants 2 blocks, its lease holds fewer');
    expect(() => scheduler.admit(2, pool.allocate([1]))).toThrow('[scheduler] job 2 is not next to be admitted');
  });

  test('a job that is admitted runs only once it has started, and counts against the batch before', () => {
    const { pool, scheduler, nextToAdmit } = create({ maxBatchSequences: 1 }, 3);
    for (const id of [1, 2]) scheduler.enqueue(job(id, 4));
    scheduler.admit(1, pool.allocate([1]));
    expect([scheduler.isStarting(1), scheduler.next(), nextToAdmit(), scheduler.stuck()]).toEqual([true, null, null, null]);
    expect(scheduler.start(1, 11, 3)).toMatchObject({ sequence: 11, cachedTokens: 3, numKvTokens: 3 });
    expect(scheduler.next()?.entries).toMatchObject([{ id: 1, sequence: 11, sample: true }]);
    expect(() => scheduler.start(1, 12, 0)).toThrow('[scheduler] job 1 is not about to start');
    scheduler.checkIntegrity();
  });

  test('a job that waits while nothing runs is stuck', () => {
    const { scheduler } = create();
    expect(scheduler.stuck()).toBeNull();
    scheduler.enqueue(job(1, 4));
    expect(scheduler.stuck()?.id).toBe(1);
  });

  test('start() refuses a job whose whole prompt is said to be cached', () => {
    const { scheduler, admit } = create();
    scheduler.enqueue(job(1, 4));
    expect(() => admit(1, 11, 4)).toThrow(/at least one must be prefilled/);
  });
});

test('a windowed model is admitted by what its windows hold, not by the length of the sequence', () => {
  // Gemma 3 12B at 16 bits: 832 MiB for 8192 tokens; every layer in full would be 3072 MiB.
  const layer = (window: number | null) => ({ kvHeads: 8, headDim: 256, window });
  const cache = new ModelCacheSpec(
    [...Array.from({ length: 40 }, () => layer(1024)), ...Array.from({ length: 8 }, () => layer(null))],
    'f16',
  );
  const pool = new BlockPool(cache, { bytes: 2 * 832 * 2 ** 20 });
  const scheduler = new Scheduler(limits, pool);
  const blocks = cache.blocksFor(8192);
  const nextToAdmit = () => scheduler.nextToAdmit((waiting) => pool.canAllocate(waiting.blocks));
  for (const id of [1, 2, 3]) scheduler.enqueue({ id, prompt: Int32Array.of(1), maxKvTokens: 8192, blocks });
  for (const _ of [1, 2]) scheduler.admit(nextToAdmit()!.id, pool.allocate(blocks));
  expect([nextToAdmit(), pool.counts().freeBytes]).toEqual([null, 0]);
});

describe('next', () => {
  test('next() prefills one chunk of the oldest job and decodes all others', () => {
    const { scheduler, admit } = create();
    scheduler.enqueue(job(1, 4));
    admit(1, 11, 0);
    scheduler.commit(scheduler.next()!, [42]);
    scheduler.enqueue(job(2, 20));
    admit(2, 12, 0);
    const plan = scheduler.next()!;
    expect(plan.entries.map(({ id, tokens, sample }) => [id, [...tokens], sample])).toEqual([
      [1, [42], true],
      [2, [0, 1, 2, 3, 4, 5, 6, 7], false],
    ]);
  });

  test('next() starts prefilling after the cached tokens', () => {
    const { scheduler, admit } = create();
    scheduler.enqueue(job(1, 10));
    admit(1, 11, 7);
    expect([...scheduler.next()!.entries[0]!.tokens]).toEqual([7, 8, 9]);
  });

  test('next() leaves out a decoding job that is held', () => {
    const { scheduler, admit } = create();
    scheduler.enqueue(job(1, 4));
    admit(1, 11, 0);
    scheduler.commit(scheduler.next()!, [42]);
    expect(scheduler.next((id) => id === 1)).toBeNull();
    expect(scheduler.next()).not.toBeNull();
  });
});

test('whatever arrives, is cancelled or finishes: every job leaves, counts add up, prompts are fed in order, nobody starves', () => {
  const event = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('enqueue' as const),
        promptTokens: fc.integer({ min: 1, max: 40 }),
        outputs: fc.integer({ min: 1, max: 6 }),
        cached: fc.nat(30),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 120 }), (events) => {
      const { pool, scheduler, nextToAdmit, admit, remove } = create();
      const wanted = new Map<number, { outputs: number; got: number; fed: number[]; cached: number }>();
      const finished = new Set<number>();
      const cancelled = new Set<number>();
      const sequences = new Set<number>();
      let enqueued = 0;
      let nextSequence = 1;

      const step = (): void => {
        for (let next = nextToAdmit(); next !== null; next = nextToAdmit()) {
          const cached = Math.min(wanted.get(next.id)!.cached, next.prompt.length - 1);
          wanted.get(next.id)!.cached = cached;
          sequences.add(nextSequence);
          admit(next.id, nextSequence++, cached);
        }
        const plan = scheduler.next();
        if (plan === null) return;
        expect(plan.entries.filter(({ tokens, sample }) => tokens.length > 1 || !sample).length).toBeLessThanOrEqual(1);
        scheduler.commit(
          plan,
          plan.entries.map(({ sample }) => (sample ? 1000 : null)),
        );
        for (const { id, tokens, sample } of plan.entries) {
          const state = wanted.get(id)!;
          state.fed.push(...tokens);
          if (sample) state.got += 1;
          if (state.got === state.outputs) {
            sequences.delete(remove(id)!.sequence!);
            finished.add(id);
          }
        }
      };

      for (const happening of events) {
        if (happening.kind === 'step') step();
        else if (happening.kind === 'cancel') {
          const live = [...wanted.keys()].filter((id) => !finished.has(id) && !cancelled.has(id));
          if (live.length === 0) continue;
          const id = live[happening.pick % live.length]!;
          const removed = remove(id);
          if (removed !== null) sequences.delete(removed.sequence!);
          cancelled.add(id);
        } else {
          const id = enqueued + 1;
          try {
            scheduler.enqueue(job(id, happening.promptTokens));
          } catch (error) {
            expect(error).toMatchObject({ code: 'Overloaded' });
            continue;
          }
          enqueued += 1;
          wanted.set(id, { outputs: happening.outputs, got: 0, fed: [], cached: happening.cached });
        }
        scheduler.checkIntegrity();
        pool.checkIntegrity();
      }
      // 40 prompt tokens in chunks of 8, then 6 outputs, 3 at a time: far fewer steps than this end everything.
      for (let i = 0; i < 20 * (wanted.size + 1); i++) step();
      scheduler.checkIntegrity();
      expect(finished.size + cancelled.size).toBe(wanted.size);
      expect(scheduler.counts()).toMatchObject({ waiting: 0, running: 0, enqueued, left: enqueued });
      expect(pool.counts().usedBytes).toBe(0);
      expect(sequences.size).toBe(0);
      for (const id of finished) {
        const { fed, cached, outputs } = wanted.get(id)!;
        const prompt = fed.slice(0, fed.length - (outputs - 1));
        expect(prompt).toEqual(Array.from({ length: prompt.length }, (_, i) => i + cached));
      }
    }),
    { numRuns: 300 },
  );
});
