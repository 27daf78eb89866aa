import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scheduler, type SchedulerLimits } from '../../../src/core/engine/scheduler.js';

const limits: SchedulerLimits = { maxBatchSequences: 3, maxQueue: 4, prefillChunkTokens: 8, kvBudgetTokens: 512, retryAfterSeconds: 2 };
const job = (id: number, promptTokens: number, reservedTokens = 256) => ({
  id,
  prompt: Int32Array.from({ length: promptTokens }, (_, i) => i),
  reservedTokens,
});

describe('enqueue', () => {
  test('enqueue() throws Overloaded with the time to wait when the queue is full', () => {
    const scheduler = new Scheduler(limits);
    const small = (id: number) => job(id, 4, 64);
    for (const id of [1, 2, 3]) scheduler.enqueue(small(id));
    for (const id of [1, 2, 3]) scheduler.admit(id, id, 0);
    for (const id of [4, 5, 6, 7]) scheduler.enqueue(small(id));
    expect(() => scheduler.enqueue(small(8))).toThrow(expect.objectContaining({ code: 'Overloaded', retryAfterSeconds: 2 }));
  });

  test('enqueue() throws OutOfMemory for a job larger than the whole budget, and takes nothing in', () => {
    const scheduler = new Scheduler(limits);
    expect(() => scheduler.enqueue(job(1, 4, 768))).toThrow(expect.objectContaining({ code: 'OutOfMemory' }));
    expect(scheduler.counts()).toMatchObject({ waiting: 0, enqueued: 0 });
  });
});

test('enqueue() counts free batch slots before the queue: requests that arrive together are not refused for a loop that has not run yet', () => {
  const scheduler = new Scheduler({ ...limits, maxQueue: 1 });
  for (const id of [1, 2, 3, 4]) scheduler.enqueue(job(id, 4));
  expect(() => scheduler.enqueue(job(5, 4))).toThrow(expect.objectContaining({ code: 'Overloaded' }));
});

describe('admission', () => {
  test('a job waits while the KV budget is reserved by others, and nobody overtakes it', () => {
    const scheduler = new Scheduler(limits);
    scheduler.enqueue(job(1, 4, 256));
    scheduler.enqueue(job(2, 4, 512));
    scheduler.enqueue(job(3, 4, 256));
    scheduler.admit(1, 11, 0);
    expect(scheduler.nextToAdmit()).toBeNull();
    scheduler.remove(1);
    expect(scheduler.nextToAdmit()?.id).toBe(2);
  });

  test('admit() refuses a job whose whole prompt is said to be cached', () => {
    const scheduler = new Scheduler(limits);
    scheduler.enqueue(job(1, 4));
    expect(() => scheduler.admit(1, 11, 4)).toThrow(/at least one must be prefilled/);
  });
});

describe('next', () => {
  test('next() prefills one chunk of the oldest job and decodes all others', () => {
    const scheduler = new Scheduler(limits);
    scheduler.enqueue(job(1, 4));
    scheduler.admit(1, 11, 0);
    scheduler.commit(scheduler.next()!, [42]);
    scheduler.enqueue(job(2, 20));
    scheduler.admit(2, 12, 0);
    const plan = scheduler.next()!;
    expect(plan.entries.map(({ id, tokens, sample }) => [id, [...tokens], sample])).toEqual([
      [1, [42], true],
      [2, [0, 1, 2, 3, 4, 5, 6, 7], false],
    ]);
  });

  test('next() starts prefilling after the cached tokens', () => {
    const scheduler = new Scheduler(limits);
    scheduler.enqueue(job(1, 10));
    scheduler.admit(1, 11, 7);
    expect([...scheduler.next()!.entries[0]!.tokens]).toEqual([7, 8, 9]);
  });

  test('next() leaves out a decoding job that is held', () => {
    const scheduler = new Scheduler(limits);
    scheduler.enqueue(job(1, 4));
    scheduler.admit(1, 11, 0);
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
      const scheduler = new Scheduler(limits);
      const wanted = new Map<number, { outputs: number; got: number; fed: number[]; cached: number }>();
      const finished = new Set<number>();
      const cancelled = new Set<number>();
      const sequences = new Set<number>();
      let enqueued = 0;
      let nextSequence = 1;

      const step = (): void => {
        for (let next = scheduler.nextToAdmit(); next !== null; next = scheduler.nextToAdmit()) {
          const cached = Math.min(wanted.get(next.id)!.cached, next.prompt.length - 1);
          wanted.get(next.id)!.cached = cached;
          sequences.add(nextSequence);
          scheduler.admit(next.id, nextSequence++, cached);
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
            sequences.delete(scheduler.remove(id)!.sequence);
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
          const removed = scheduler.remove(id);
          if (removed !== null) sequences.delete(removed.sequence);
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
      }
      // 40 prompt tokens in chunks of 8, then 6 outputs, 3 at a time: far fewer steps than this end everything.
      for (let i = 0; i < 20 * (wanted.size + 1); i++) step();
      scheduler.checkIntegrity();
      expect(finished.size + cancelled.size).toBe(wanted.size);
      expect(scheduler.counts()).toMatchObject({ waiting: 0, running: 0, reservedTokens: 0, enqueued, left: enqueued });
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
