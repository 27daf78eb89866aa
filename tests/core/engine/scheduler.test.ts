import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from '../../../src/core/domain/block-pool.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { type Job, Scheduler } from '../../../src/core/engine/scheduler.js';
import type { SchedulerLimits } from '../../../src/core/engine/scheduler-limits.js';
import { SCHEDULER_LIMITS } from './scheduler-limits.js';
import { TINY_CACHE, tinyPool } from './tiny-cache.js';

const limits: SchedulerLimits = { ...SCHEDULER_LIMITS, maxBatchSequences: 3, maxPrefillTokens: 8, minPrefillTokens: 4, reserveTokens: 256 };
const job = (id: number, promptTokens: number, changes: Partial<Job> = {}): Job => ({
  id,
  prompt: Int32Array.from({ length: promptTokens }, (_, i) => i),
  maxKvTokens: 256,
  key: 'local',
  flow: '',
  priority: 'interactive',
  arrivedAt: id,
  ...changes,
});

/** A scheduler and its pool, and what the engine does between the two. Every step takes a millisecond, more or less as told. */
function create(changes: Partial<SchedulerLimits> = {}, blocks = 2) {
  const pool = tinyPool(blocks);
  const scheduler = new Scheduler({ ...limits, ...changes });
  const blocksOf = (one: Job) => TINY_CACHE.blocksFor(scheduler.firstTokens(one));
  return {
    pool,
    scheduler,
    nextToAdmit: (given: readonly number[] = []) => scheduler.nextToAdmit(0, (next) => pool.canAllocate(blocksOf(next), given)),
    admit: (one: Job, sequence: number, cachedTokens: number): void => {
      scheduler.admit(one.id, 0, pool.allocate(blocksOf(one)), blocksOf(one), scheduler.firstTokens(one));
      scheduler.start(one.id, sequence, cachedTokens);
    },
    remove: (id: number) => {
      const removed = scheduler.remove(id);
      if (removed !== null) pool.free(removed.lease);
      return removed;
    },
    step: (ms = 1): readonly (readonly [id: number, tokens: number])[] => {
      const plan = scheduler.next();
      if (plan === null) return [];
      scheduler.commit(
        plan,
        plan.entries.map(({ sample }) => (sample ? 1000 : null)),
        ms,
      );
      return plan.entries.map(({ id, tokens }) => [id, tokens.length]);
    },
  };
}

describe('admission', () => {
  test('a job waits while there are no blocks for it, and nobody overtakes it', () => {
    const { scheduler, nextToAdmit, admit, remove } = create();
    const jobs = [job(1, 4), job(2, 300, { maxKvTokens: 512 }), job(3, 4)];
    for (const one of jobs) scheduler.enqueue(one);
    admit(jobs[0]!, 11, 0);
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

  test('admit() refuses a lease that does not hold its blocks, room that does not hold its prompt, and a job that does not wait', () => {
    const { pool, scheduler } = create();
    scheduler.enqueue(job(1, 4));
    expect(() => scheduler.admit(1, 0, pool.allocate([1]), [2], 512)).toThrow('[scheduler] job 1 wants 2 blocks, its lease holds fewer');
    expect(() => scheduler.admit(1, 0, pool.allocate([1]), [1], 3)).toThrow('[scheduler] job 1 has room for 3 of 4 tokens');
    expect(() => scheduler.admit(2, 0, pool.allocate([0]), [0], 256)).toThrow('[scheduler] job 2 is not next to be admitted');
  });

  test('a job that is admitted runs only once it has started, and counts against the batch before', () => {
    const { pool, scheduler, nextToAdmit } = create({ maxBatchSequences: 1 }, 3);
    for (const id of [1, 2]) scheduler.enqueue(job(id, 4));
    scheduler.admit(1, 0, pool.allocate([1]), [1], 256);
    expect([scheduler.isStarting(1), scheduler.next(), nextToAdmit(), scheduler.stuck(0)]).toEqual([true, null, null, null]);
    expect(scheduler.start(1, 11, 3)).toMatchObject({ sequence: 11, cachedTokens: 3, numKvTokens: 3 });
    expect(scheduler.next()?.entries).toMatchObject([{ id: 1, sequence: 11, sample: true }]);
    expect(() => scheduler.start(1, 12, 0)).toThrow('[scheduler] job 1 is not about to start');
    scheduler.checkIntegrity();
  });

  test('a key with its share of slots waits while others go on', () => {
    const { scheduler, nextToAdmit, admit } = create({ maxRunningPerKey: 1 });
    const jobs = [job(1, 4, { key: 'a' }), job(2, 4, { key: 'a' }), job(3, 4, { key: 'b' })];
    for (const one of jobs) scheduler.enqueue(one);
    admit(jobs[0]!, 11, 0);
    expect(nextToAdmit()?.id).toBe(3);
  });

  test('a job that may not run yet is passed over', () => {
    const { scheduler } = create();
    for (const id of [1, 2]) scheduler.enqueue(job(id, 4));
    expect(
      scheduler.nextToAdmit(
        0,
        () => true,
        ({ id }) => id !== 1,
      )?.id,
    ).toBe(2);
  });

  test('a job that waits while nothing runs is stuck', () => {
    const { scheduler } = create();
    expect(scheduler.stuck(0)).toBeNull();
    scheduler.enqueue(job(1, 4));
    expect(scheduler.stuck(0)?.id).toBe(1);
  });

  test('start() refuses a job whose whole prompt is said to be cached', () => {
    const { scheduler, admit } = create();
    const one = job(1, 4);
    scheduler.enqueue(one);
    expect(() => admit(one, 11, 4)).toThrow(/at least one must be prefilled/);
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
  const scheduler = new Scheduler(limits);
  const blocks = cache.blocksFor(8192);
  const nextToAdmit = () => scheduler.nextToAdmit(0, (waiting) => pool.canAllocate(cache.blocksFor(scheduler.firstTokens(waiting))));
  for (const id of [1, 2, 3]) scheduler.enqueue(job(id, 8000, { maxKvTokens: 8192 }));
  for (const _ of [1, 2]) scheduler.admit(nextToAdmit()!.id, 0, pool.allocate(blocks), blocks, 8192);
  expect([nextToAdmit(), pool.counts().freeBytes]).toEqual([null, 0]);
});

describe('next', () => {
  test('prompts are read in chunks after the cached tokens, and what decodes goes on beside them', () => {
    const { scheduler, admit, step } = create();
    const jobs = [job(1, 10), job(2, 20)];
    scheduler.enqueue(jobs[0]!);
    admit(jobs[0]!, 11, 7);
    expect([...scheduler.next()!.entries[0]!.tokens]).toEqual([7, 8, 9]);
    step();
    scheduler.enqueue(jobs[1]!);
    admit(jobs[1]!, 12, 0);
    expect(step()).toEqual([[1, 1]]); // what decoding costs is not known yet
    const plan = scheduler.next()!;
    expect(plan.entries.map(({ id, sample, decodes }) => [id, sample, decodes])).toEqual([
      [1, true, true],
      [2, false, false],
    ]);
    expect([...plan.entries[1]!.tokens].slice(0, 4)).toEqual([0, 1, 2, 3]);
  });

  test('a decoding job that is held is left out', () => {
    const { scheduler, admit, step } = create();
    const one = job(1, 4);
    scheduler.enqueue(one);
    admit(one, 11, 0);
    step();
    expect(scheduler.next((id) => id === 1)).toBeNull();
    expect(scheduler.next()).not.toBeNull();
  });

  test('a job whose next token has no block is left out until it has grown', () => {
    const { scheduler, admit, step } = create({ reserveTokens: 2 });
    const one = job(1, 4, { maxKvTokens: 9 });
    scheduler.enqueue(one);
    admit(one, 11, 0);
    for (const _ of [1, 2, 3]) step();
    expect([scheduler.next(), scheduler.wantingRoom().map(({ id }) => id)]).toEqual([null, [1]]);
    expect(scheduler.nextTokens(scheduler.running(1))).toBe(8);
    scheduler.grow(1, 8);
    expect(scheduler.next()).not.toBeNull();
    scheduler.checkIntegrity();
  });
});

describe('making way', () => {
  test('the youngest batch job goes first, then the youngest interactive one; none that has no sequence yet', () => {
    const { pool, scheduler, admit } = create({ maxBatchSequences: 5 }, 5);
    const jobs = [
      job(1, 4),
      job(2, 4, { priority: 'batch' }),
      job(3, 4, { priority: 'batch' }),
      job(4, 4),
      job(5, 4, { priority: 'batch' }),
    ];
    for (const one of jobs) scheduler.enqueue(one);
    for (const one of jobs.slice(0, 4)) admit(one, 10 + one.id, 0);
    scheduler.admit(5, 0, pool.allocate([1]), [1], 256);
    const order: number[] = [];
    for (let victim = scheduler.victim(); victim !== null; victim = scheduler.victim()) {
      order.push(victim.id);
      pool.free(scheduler.preempt(victim.id, victim.prompt).lease);
    }
    expect(order).toEqual([3, 2, 4, 1]);
    expect(scheduler.counts()).toMatchObject({ waiting: 4, running: 1, enqueued: 5, left: 0 });
    scheduler.checkIntegrity();
  });

  test('who made way goes on from all its tokens, before others of its class', () => {
    const { pool, scheduler, nextToAdmit, admit, step } = create();
    const jobs = [job(1, 3), job(2, 3), job(3, 3, { priority: 'batch' })];
    for (const one of jobs) scheduler.enqueue(one);
    admit(jobs[0]!, 11, 0);
    step();
    pool.free(scheduler.preempt(1, Int32Array.of(0, 1, 2, 1000)).lease);
    expect([scheduler.stateOf(1), scheduler.stateOf(2)]).toEqual(['preempted', 'waiting']);
    const next = nextToAdmit()!;
    expect([next.id, [...next.prompt]]).toEqual([1, [0, 1, 2, 1000]]);
    admit(next, 12, 3);
    expect([...scheduler.next()!.entries[0]!.tokens]).toEqual([1000]);
  });
});

test('whatever arrives, makes way, is cancelled or finishes: every job leaves, counts add up, prompts are fed in order', () => {
  const event = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('enqueue' as const),
        promptTokens: fc.integer({ min: 1, max: 40 }),
        outputs: fc.integer({ min: 1, max: 6 }),
        cached: fc.nat(30),
        priority: fc.constantFrom('interactive' as const, 'batch' as const),
        key: fc.constantFrom('a', 'b'),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('preempt' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 120 }), (events) => {
      const { pool, scheduler, nextToAdmit, admit, remove } = create({}, 3);
      const wanted = new Map<number, { outputs: number; got: number; all: number[]; cached: number; inKv: number }>();
      const over = new Set<number>();
      let nextSequence = 1;

      const step = (ms: number): void => {
        for (let next = nextToAdmit(); next !== null; next = nextToAdmit()) {
          const state = wanted.get(next.id)!;
          expect([...next.prompt]).toEqual(state.all);
          state.inKv = Math.min(state.cached, next.prompt.length - 1);
          admit(next, nextSequence++, state.inKv);
        }
        const plan = scheduler.next();
        if (plan === null) return;
        for (const { id, tokens } of plan.entries) {
          const state = wanted.get(id)!;
          expect([...tokens]).toEqual(state.all.slice(state.inKv, state.inKv + tokens.length));
          state.inKv += tokens.length;
        }
        scheduler.commit(
          plan,
          plan.entries.map(({ id, sample }) => (sample ? 1000 + wanted.get(id)!.got : null)),
          ms,
        );
        for (const { id, sample } of plan.entries) {
          const state = wanted.get(id)!;
          if (sample) state.all.push(1000 + state.got++);
          if (state.got < state.outputs) continue;
          remove(id);
          over.add(id);
        }
      };

      let enqueued = 0;
      for (const happening of events) {
        if (happening.kind === 'step') step(happening.ms);
        else if (happening.kind === 'preempt') {
          const victim = scheduler.victim();
          if (victim !== null) pool.free(scheduler.preempt(victim.id, Int32Array.from(wanted.get(victim.id)!.all)).lease);
        } else if (happening.kind === 'cancel') {
          const live = [...wanted.keys()].filter((id) => !over.has(id));
          if (live.length === 0) continue;
          const id = live[happening.pick % live.length]!;
          remove(id);
          over.add(id);
        } else {
          const { promptTokens, priority, key, outputs, cached } = happening;
          const one = job(++enqueued, promptTokens, { priority, key });
          scheduler.enqueue(one);
          wanted.set(one.id, { outputs, got: 0, all: [...one.prompt], cached, inKv: 0 });
        }
        scheduler.checkIntegrity();
        pool.checkIntegrity();
      }
      // A prompt of 40 tokens in chunks of at least 1, then 6 outputs: far fewer steps than this end everything.
      for (let i = 0; i < 60 * (wanted.size + 1); i++) step(1);
      scheduler.checkIntegrity();
      expect(over.size).toBe(wanted.size);
      expect(scheduler.counts()).toMatchObject({ waiting: 0, running: 0, enqueued, left: enqueued });
      expect(pool.counts().usedBytes).toBe(0);
    }),
    { numRuns: 300 },
  );
});

describe('follow', () => {
  /** Two jobs that decode, and the plan of their next step. */
  function decoding(changes: Partial<SchedulerLimits> = {}) {
    const made = create(changes, 4);
    for (const one of [job(1, 3), job(2, 3)]) {
      made.scheduler.enqueue(one);
      made.admit(one, one.id + 10, 0);
    }
    made.step();
    return { ...made, plan: made.scheduler.next()! };
  }
  const commit = (scheduler: Scheduler, plan: NonNullable<ReturnType<Scheduler['next']>>): void => scheduler.commit(plan, [1000, 1000], 1);

  test('after a step of answers comes one token of each, whichever they will have sampled', () => {
    const { scheduler, plan } = decoding();
    const ahead = scheduler.follow(plan)!;
    expect(ahead.entries.map(({ id, sequence, tokens, sample }) => [id, sequence, [...tokens], sample])).toEqual([
      [1, 11, [-1], true],
      [2, 12, [-1], true],
    ]);
    commit(scheduler, plan);
    commit(scheduler, ahead);
    expect(scheduler.allRunning().map(({ numKvTokens }) => numKvTokens)).toEqual([5, 5]);
    scheduler.checkIntegrity();
  });

  test('nothing follows a step that reads a prompt, or one that not everybody is in', () => {
    const { scheduler, admit, plan } = decoding();
    expect(scheduler.follow({ entries: plan.entries.slice(1) })).toBeNull();
    scheduler.enqueue(job(3, 3));
    expect(scheduler.follow(plan)).toBeNull(); // somebody may be admitted
    admit(job(3, 3), 13, 0);
    expect(scheduler.follow(plan)).toBeNull();
    expect(scheduler.follow(scheduler.next()!)).toBeNull();
  });

  test('who waits for a place in a full batch does not hold it up', () => {
    const { scheduler, plan } = decoding({ maxBatchSequences: 2 });
    scheduler.enqueue(job(3, 3));
    expect(scheduler.follow(plan)).not.toBeNull();
  });

  test('nothing follows where one has no room for two more tokens', () => {
    const { scheduler } = decoding({ reserveTokens: 3 });
    for (let kvTokens = 3; kvTokens < 6; kvTokens++) {
      const plan = scheduler.next()!;
      expect(scheduler.follow(plan) !== null).toBe(kvTokens + 1 < 6);
      commit(scheduler, plan);
    }
    expect(scheduler.next()).toBeNull();
  });
});
