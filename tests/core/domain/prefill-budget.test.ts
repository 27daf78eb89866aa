import { describe, expect, test } from 'vitest';
import { PrefillBudget, type PrefillLimits } from '../../../src/core/domain/prefill-budget.js';

const limits: PrefillLimits = { minPrefillTokens: 32, maxPrefillTokens: 512, decodeShare: 0.5, stepGapMs: 0 };

/** Knows that a step of two sequences takes 40 ms, and that a prompt token adds `tokenMs`. */
function learned(tokenMs: number): PrefillBudget {
  const budget = new PrefillBudget();
  budget.observe({ decoding: 0, prefillTokens: 512, ms: 512 * tokenMs }, limits);
  budget.observe({ decoding: 2, prefillTokens: 0, ms: 40 }, limits);
  return budget;
}
/** Steps with no more than `ms` each until prefill may go on. */
function pause(budget: PrefillBudget): number {
  for (let steps = 0; ; steps++) {
    if (budget.next(2, limits) > 0) return steps;
    budget.observe({ decoding: 2, prefillTokens: 0, ms: 40 }, limits);
  }
}

describe('next()', () => {
  test('is all there may be where nothing decodes, and nothing before it is known what decoding costs', () => {
    const budget = new PrefillBudget();
    expect([budget.next(0, limits), budget.next(1, limits)]).toEqual([512, 0]);
  });

  test('is what doubles the time of a step, in whole rows of sixteen, within the limits', () => {
    expect(learned(0.2).next(2, limits)).toBe(192); // 40 ms / 0.2 ms = 200
    expect(learned(0.01).next(2, limits)).toBe(512);
    expect(learned(5).next(2, limits)).toBe(32);
    expect(learned(0.2).next(2, { ...limits, stepGapMs: 60 })).toBe(192); // shorter than two steps
    expect(learned(0.2).next(2, { ...limits, stepGapMs: 120 })).toBe(400); // 80 ms / 0.2 ms
  });

  test('of another number of sequences is that of the nearest one measured', () => {
    const budget = learned(0.2);
    budget.observe({ decoding: 8, prefillTokens: 0, ms: 80 }, limits);
    expect([budget.next(3, limits), budget.next(7, limits)]).toEqual([192, 400]);
  });
});

describe('observe()', () => {
  test('a chunk that takes longer than a step is made good by steps without prefill', () => {
    const budget = learned(5);
    budget.observe({ decoding: 2, prefillTokens: 32, ms: 40 + 160 }, limits); // four steps' time
    expect(pause(budget)).toBe(3);
    budget.observe({ decoding: 2, prefillTokens: 32, ms: 40 + 160 }, { ...limits, decodeShare: 0.8 });
    expect(pause(budget)).toBe(4); // 10 ms were earned, 150 are owed at 40 a step
  });

  test('a step that something else held up is nobody’s debt', () => {
    const budget = learned(0.2);
    budget.observe({ decoding: 2, prefillTokens: 192, ms: 60_000 }, limits);
    expect(pause(budget)).toBeLessThanOrEqual(4);
  });

  test('after sixteen steps with prefill one without shows what decoding costs now', () => {
    const budget = learned(0.2);
    let mixed = 0;
    for (; budget.next(2, limits) > 0; mixed++) budget.observe({ decoding: 2, prefillTokens: 100, ms: 60 }, limits);
    expect(mixed).toBe(16);
    budget.observe({ decoding: 2, prefillTokens: 0, ms: 140 }, limits);
    expect(budget.costs(2)!.stepMs).toBeCloseTo(70); // 40 + 0.3 x 100
    expect(budget.next(2, limits)).toBeGreaterThan(0);
  });
});

test('costs() are known when both were measured', () => {
  const budget = new PrefillBudget();
  budget.observe({ decoding: 1, prefillTokens: 0, ms: 10 }, limits);
  expect(budget.costs(1)).toBeNull();
  budget.observe({ decoding: 0, prefillTokens: 100, ms: 50 }, limits);
  expect(budget.costs(4)).toEqual({ tokenMs: 0.5, stepMs: 10 });
});
