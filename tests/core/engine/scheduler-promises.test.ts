/** What the scheduler promises, in simulated time. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SchedulerLimits } from '../../../src/core/engine/scheduler-limits.js';
import { SCHEDULER_LIMITS } from './scheduler-limits.js';
import { type Cost, simulate, type SimulatedRequest } from './simulate.js';

/** Runners from fast to slow: ms of a step, of a decoding sequence, of a prompt token, and of 1,000 tokens that a chunk attends to. */
const runners = {
  'a small model': { step: 3, row: 1, token: 1, depth: 2 },
  'a small model with slow attention': { step: 3, row: 1, token: 0.5, depth: 6 },
  'a large model': { step: 60, row: 2, token: 12, depth: 8 },
  'a GPU': { step: 15, row: 0.1, token: 0.2, depth: 0.2 },
};
const costOf =
  ({ step, row, token, depth }: (typeof runners)['a GPU']): Cost =>
  (decoding, prefillTokens, attended) =>
    step + row * decoding + token * prefillTokens + (prefillTokens > 0 ? (depth * attended) / 1000 : 0);
const all = Object.entries(runners).map(([name, runner]) => [name, costOf(runner)] as const);

const gapsOf = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!);

describe.each(all)('%s', (_, cost) => {
  test.each([1, 4, 8])('%i running answers keep at least half of their solo speed under a prompt of 16,000 tokens', (decoding) => {
    const long: SimulatedRequest = { at: 5_000, promptTokens: 16_000, outputs: 1 };
    const decoders = Array.from({ length: decoding }, () => ({ at: 0, promptTokens: 50, outputs: 100_000 }));
    const { tokens, steps } = simulate([...decoders, long], cost, SCHEDULER_LIMITS, 40_000);
    const end = tokens[decoding]![0]!;
    expect(end).toBeGreaterThan(long.at);
    const during = tokens[0]!.filter((time) => time > long.at && time <= end);
    const solo = cost(decoding, 0, 0);
    expect(during.length / (end - long.at)).toBeGreaterThanOrEqual(0.5 / solo);
    // And no gap is longer than it must be: that of the smallest chunk, of two steps, or one that nobody notices.
    const depth = 16_000;
    const longest = Math.max(2 * solo, SCHEDULER_LIMITS.stepGapMs, cost(decoding, SCHEDULER_LIMITS.minPrefillTokens, depth));
    const first = steps.findIndex(({ plan, start }) => start >= long.at && plan.entries.some(({ id }) => id === decoding));
    const settled = steps.slice(first + 8).filter(({ start }) => start < end);
    for (const step of settled) expect(step.end - step.start).toBeLessThanOrEqual(1.5 * longest);
  });

  test('a long prompt with nothing beside it takes the largest chunks', () => {
    const { steps } = simulate([{ at: 0, promptTokens: 4_096, outputs: 1 }], cost, SCHEDULER_LIMITS);
    expect(steps.length).toBe(4_096 / SCHEDULER_LIMITS.maxPrefillTokens);
  });

  test.each([0, 1, 6])(
    'a short request behind a long prompt has its first token within two chunks, beside %i running answers',
    (decoding) => {
      const long: SimulatedRequest = { at: 1_000, promptTokens: 16_000, outputs: 1 };
      const short: SimulatedRequest = { at: 3_000, promptTokens: 20, outputs: 1 };
      const decoders = Array.from({ length: decoding }, () => ({ at: 0, promptTokens: 50, outputs: 100_000 }));
      const { tokens, steps } = simulate([long, short, ...decoders], cost, SCHEDULER_LIMITS, 40_000);
      expect(tokens[0]![0]).toBeGreaterThan(tokens[1]![0]!);
      const chunks = steps.filter(
        ({ start, end, plan }) => start >= short.at && end <= tokens[1]![0]! && plan.entries.some(({ decodes }) => !decodes),
      );
      expect(chunks.length).toBeLessThanOrEqual(2);
    },
  );

  test('a stream of short prompts does not keep a long one from going on', () => {
    const long: SimulatedRequest = { at: 0, promptTokens: 8_000, outputs: 1 };
    const shorts = Array.from({ length: 5_000 }, (__, i) => ({ at: i * cost(0, 400, 0), promptTokens: 500, outputs: 1 }));
    const { tokens, steps } = simulate([long, ...shorts], cost, SCHEDULER_LIMITS, 2_000);
    const finished = steps.findIndex(({ end }) => end === tokens[0]![0]);
    // It came first: a quarter of each chunk is its own.
    expect(finished).toBeGreaterThan(0);
    expect(finished).toBeLessThanOrEqual((4 * 8_000) / 512);
  });
});

describe('whose turn it is', () => {
  const cost = costOf(runners['a small model']);
  const limits: SchedulerLimits = { ...SCHEDULER_LIMITS, maxBatchSequences: 2 };
  const sameTime = (count: number, changes: Partial<SimulatedRequest>): SimulatedRequest[] =>
    Array.from({ length: count }, () => ({ at: 0, promptTokens: 40, outputs: 20, ...changes }));

  test('interactive requests start before batch ones that came first', () => {
    const requests = [...sameTime(10, { priority: 'batch' }), ...sameTime(10, {}).map((one) => ({ ...one, at: 1 }))];
    const { admitted } = simulate(requests, cost, limits);
    const lastInteractive = Math.max(...admitted.slice(10).map((time) => time!));
    expect(admitted.slice(0, 10).filter((time) => time! < lastInteractive).length).toBeLessThanOrEqual(3);
  });

  test('a key with one request waits for its turn, not behind forty requests of another key', () => {
    const requests = [...sameTime(40, { key: 'greedy' }), { at: 1, promptTokens: 40, outputs: 20, key: 'modest' }];
    const { admitted } = simulate(requests, cost, limits);
    expect(admitted.slice(0, 40).filter((time) => time! < admitted[40]!).length).toBeLessThanOrEqual(4);
  });

  test('keys get the same service while they all want more, whatever the length of their requests', () => {
    const requests = [
      ...sameTime(100, { key: 'short', outputs: 10 }),
      ...sameTime(100, { key: 'long', outputs: 60 }),
      ...sameTime(100, { key: 'prompt', promptTokens: 100, outputs: 3 }),
    ];
    const { tokens, steps } = simulate(requests, cost, { ...limits, ageingMs: 1e9 });
    const middle = steps[Math.floor(steps.length / 4)]!.end;
    const service = [0, 100, 200].map((first) =>
      requests.slice(first, first + 100).reduce((sum, { promptTokens }, i) => {
        const got = tokens[first + i]!.filter((time) => time <= middle).length;
        return sum + (got === 0 ? 0 : promptTokens + 2 * got);
      }, 0),
    );
    expect(Math.max(...service) / Math.min(...service)).toBeLessThan(1.3);
  });

  test('agents of one key get the same service', () => {
    const requests = [...sameTime(60, { flow: 'agent/a' }), ...sameTime(60, { flow: 'agent/b', outputs: 5 })];
    const { admitted } = simulate(requests, cost, { ...limits, ageingMs: 1e9 });
    const firstTwenty = admitted
      .map((time, id) => ({ time: time!, id }))
      .sort((a, b) => a.time - b.time)
      .slice(0, 22);
    const ofB = firstTwenty.filter(({ id }) => id >= 60).length;
    // Its requests cost 50 against 80.
    expect([ofB >= 11, ofB <= 16]).toEqual([true, true]);
  });

  test('nothing is saved up by staying away', () => {
    const requests = [...sameTime(200, { key: 'busy' }), ...sameTime(50, { key: 'late' }).map((one) => ({ ...one, at: 5_000 }))];
    const { admitted } = simulate(requests, cost, { ...limits, ageingMs: 1e9 });
    const after = admitted
      .map((time, id) => ({ time: time!, id }))
      .filter(({ time }) => time > 5_000)
      .sort((a, b) => a.time - b.time)
      .slice(0, 20);
    const late = after.filter(({ id }) => id >= 200).length;
    expect([late >= 9, late <= 12]).toEqual([true, true]);
  });
});

/** Load without end: interactive requests come faster than they can be served. A batch one was there before most of them. */
function flood(count: number): SimulatedRequest[] {
  const interactive = Array.from({ length: count }, (_, i) => ({ at: i * 40, promptTokens: 30, outputs: 20 }));
  return [{ at: 100, promptTokens: 30, outputs: 20, priority: 'batch' }, ...interactive];
}

describe('nobody starves', () => {
  const cost = costOf(runners['a small model']);

  test('a batch request gets its turn under load without end; without ageing it would not', () => {
    const limits = { ...SCHEDULER_LIMITS, maxBatchSequences: 2 };
    const aged = simulate(flood(1_000), cost, limits, 4_000);
    expect(aged.tokens[0]!.length).toBe(20);
    const never = simulate(flood(1_000), cost, { ...limits, ageingMs: 1e9 }, 4_000);
    expect(never.tokens[0]!.length).toBe(0);
  });

  test('every request finishes within a bound that newer ones do not move, in 10,000 random traces', () => {
    const limits: SchedulerLimits = {
      ...SCHEDULER_LIMITS,
      maxBatchSequences: 3,
      minPrefillTokens: 4,
      maxPrefillTokens: 16,
      stepGapMs: 10,
      ageingMs: 200,
      reserveTokens: 4,
    };
    const request = fc.record({
      at: fc.nat(400),
      promptTokens: fc.integer({ min: 1, max: 60 }),
      outputs: fc.integer({ min: 1, max: 8 }),
      priority: fc.constantFrom('interactive' as const, 'batch' as const),
      key: fc.constantFrom('a', 'b', 'c'),
      flow: fc.constantFrom('', 'agent/x', 'agent/y'),
    });
    const runner = fc.record({
      step: fc.integer({ min: 1, max: 8 }),
      row: fc.integer({ min: 0, max: 2 }),
      token: fc.constantFrom(0.1, 0.5, 2),
      depth: fc.constantFrom(0, 5, 50),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 14 }), runner, (requests, speed) => {
        const oneCost = costOf(speed);
        const { tokens, admitted } = simulate(requests, oneCost, limits, 1e5);
        const slots = limits.maxBatchSequences;
        const stepMs = oneCost(slots, limits.maxPrefillTokens, slots * 60);
        // Running: its prompt gains at least a token with every chunk that is its own, which is so once those before it are in, and the
        // steps between two chunks make good what the one before took. Then it decodes a token a step.
        const between = 2 + Math.ceil((4 * stepMs) / oneCost(1, 0, 0) / (1 / limits.decodeShare - 1));
        const runMs = (60 * slots * between + 8) * stepMs;
        for (const [id, { at, outputs }] of requests.entries()) {
          expect(tokens[id]!.length).toBe(outputs);
          // Waiting: it ages, then every second place that becomes free goes to the oldest.
          const older = requests.filter((other) => other.at <= at).length;
          expect(admitted[id]! - at).toBeLessThanOrEqual(limits.ageingMs + 2 * older * runMs);
          expect(tokens[id]!.at(-1)! - admitted[id]!).toBeLessThanOrEqual(runMs);
        }
      }),
      { numRuns: 10_000 },
    );
  }, 120_000);

  test('where memory is short requests make way for each other, and all of them finish', () => {
    const request = fc.record({
      at: fc.nat(400),
      promptTokens: fc.integer({ min: 1, max: 400 }),
      outputs: fc.integer({ min: 1, max: 500 }),
      priority: fc.constantFrom('interactive' as const, 'batch' as const),
    });
    let preempted = 0;
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 10 }), fc.integer({ min: 4, max: 8 }), (requests, blocks) => {
        const outcome = simulate(requests, cost, { ...SCHEDULER_LIMITS, reserveTokens: 64 }, 1e5, blocks);
        preempted += outcome.preempted;
        expect(outcome.tokens.map(({ length }) => length)).toEqual(requests.map(({ outputs }) => outputs));
      }),
      { numRuns: 200 },
    );
    expect(preempted).toBeGreaterThan(100);
  });
});

test('the gaps of an answer are those of its steps', () => {
  const { tokens } = simulate([{ at: 0, promptTokens: 10, outputs: 5 }], () => 7, SCHEDULER_LIMITS);
  expect(gapsOf(tokens[0]!)).toEqual([7, 7, 7, 7]);
});
