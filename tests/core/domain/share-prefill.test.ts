import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PrefillingJob, sharePrefill } from '../../../src/core/domain/share-prefill.js';

const job = (id: number, remaining: number, changes: Partial<PrefillingJob> = {}): PrefillingJob => ({
  id,
  remaining,
  priority: 'interactive',
  arrivedAt: 0,
  ...changes,
});
const shares = (jobs: readonly PrefillingJob[], budget: number) => Object.fromEntries(sharePrefill(jobs, budget));

describe('sharePrefill()', () => {
  test('a short prompt is read whole, and a quarter goes to who came first', () => {
    expect(shares([job(1, 9_000, { arrivedAt: 4 }), job(2, 60, { arrivedAt: 5 })], 100)).toEqual({ 1: 40, 2: 60 });
    expect(shares([job(1, 9_000, { arrivedAt: 4 }), job(2, 500, { arrivedAt: 5 })], 100)).toEqual({ 1: 25, 2: 75 });
    expect(shares([job(1, 9_000, { arrivedAt: 6 }), job(2, 500, { arrivedAt: 5 })], 100)).toEqual({ 2: 100 });
  });

  test('interactive prompts come before batch ones, however long they are', () => {
    expect(shares([job(1, 10, { priority: 'batch', arrivedAt: 9 }), job(2, 5_000, { arrivedAt: 1 })], 100)).toEqual({ 2: 100 });
  });

  test('no job gets more than it needs, all get no more than there is, and all of it is used while there is a use for it', () => {
    const anyJob = fc.record({
      remaining: fc.integer({ min: 1, max: 300 }),
      priority: fc.constantFrom('interactive' as const, 'batch' as const),
      arrivedAt: fc.nat(10),
    });
    fc.assert(
      fc.property(fc.array(anyJob, { maxLength: 8 }), fc.nat(600), (jobs, budget) => {
        const numbered = jobs.map((one, id) => ({ ...one, id }));
        const given = sharePrefill(numbered, budget);
        const total = [...given.values()].reduce((sum, count) => sum + count, 0);
        const wanted = jobs.reduce((sum, { remaining }) => sum + remaining, 0);
        expect(total).toBe(Math.min(budget, wanted));
        for (const [id, count] of given) {
          expect(count).toBeGreaterThan(0);
          expect(count).toBeLessThanOrEqual(jobs[id]!.remaining);
        }
        const first = numbered.toSorted((a, b) => a.arrivedAt - b.arrivedAt || a.id - b.id)[0];
        if (first !== undefined && budget > 0)
          expect(given.get(first.id)).toBeGreaterThanOrEqual(Math.min(first.remaining, Math.max(1, Math.floor(budget / 4))));
      }),
    );
  });
});
