import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { medianInterval, pairedRatioInterval, ratioInterval } from '../../src/bench/statistics/bootstrap.js';
import { median } from '../../src/bench/statistics/median.js';
import { Seeded } from '../../src/bench/statistics/seeded.js';
import { gainOf, gateOutcome, verdictOf } from '../../src/bench/statistics/verdict.js';

const positive = fc.double({ min: 0.1, max: 1e6, noNaN: true });
const samples = fc.array(positive, { minLength: 1, maxLength: 20 });
const OPTIONS = { seed: 3, resamples: 200, confidence: 0.95 };

describe('bootstrap intervals', () => {
  test('hold the statistic, lie within the samples, and are the same for the same seed', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const { low, middle, high } = medianInterval(values, OPTIONS);
        expect(middle).toBe(median(values));
        expect(low).toBeLessThanOrEqual(middle);
        expect(high).toBeGreaterThanOrEqual(middle);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(high).toBeLessThanOrEqual(Math.max(...values));
        expect(medianInterval(values, OPTIONS)).toEqual({ low, middle, high });
      }),
    );
  });

  test('of samples that are all alike have no width', () => {
    fc.assert(
      fc.property(positive, fc.integer({ min: 1, max: 9 }), (value, count) => {
        const interval = medianInterval(Array<number>(count).fill(value), OPTIONS);
        expect(interval).toEqual({ low: value, middle: value, high: value });
      }),
    );
  });

  test('of nothing are NaN', () => {
    expect(medianInterval([])).toEqual({ low: Number.NaN, middle: Number.NaN, high: Number.NaN });
    expect(pairedRatioInterval([null, 1], [1, null]).middle).toBeNaN();
  });

  test('of a ratio scale with the candidate', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0.5, max: 2, noNaN: true }), (base, factor) => {
        const scaled = base.map((value) => value * factor);
        expect(pairedRatioInterval(base, scaled, OPTIONS).middle).toBeCloseTo(factor, 6);
        expect(ratioInterval(base, scaled, OPTIONS).middle).toBeCloseTo(factor, 6);
      }),
    );
  });

  test('of pairs leave out what the machine did to both: drift of the half does not hide a change of a twentieth', () => {
    const drift = Array.from({ length: 12 }, (_, i) => 100 * (1 + i / 11));
    const slower = drift.map((value, i) => value * (0.95 + (i % 3) * 0.002));
    const paired = gainOf(pairedRatioInterval(drift, slower), 'higher');
    const apart = gainOf(ratioInterval(drift, slower), 'higher');
    expect(verdictOf(paired, 0.01)).toBe('worse');
    expect(verdictOf(apart, 0.01)).toBe('same');
  });

  test('cover the true median about as often as they say', () => {
    const random = new Seeded(5);
    const trials = 300;
    let covered = 0;
    for (let i = 0; i < trials; i++) {
      const values = Array.from({ length: 15 }, () => random.exponential(1));
      const { low, high } = medianInterval(values, { seed: i, resamples: 400, confidence: 0.95 });
      if (low <= Math.LN2 && Math.LN2 <= high) covered += 1;
    }
    expect(covered / trials).toBeGreaterThan(0.88);
  });
});

describe('verdicts', () => {
  const interval = (low: number, middle: number, high: number) => ({ low, middle, high });

  test.each([
    ['better', interval(1.02, 1.05, 1.08)],
    ['worse', interval(0.9, 0.95, 0.98)],
    ['same', interval(0.97, 1.02, 1.06)],
    ['same', interval(1.001, 1.005, 1.008)],
    ['unknown', interval(Number.NaN, Number.NaN, Number.NaN)],
  ])('%s', (verdict, gain) => {
    expect(verdictOf(gain, 0.01)).toBe(verdict);
  });

  test('turning a measure round turns its verdict round', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const ratio = ratioInterval(a, b, OPTIONS);
        const [higher, lower] = [verdictOf(gainOf(ratio, 'higher'), 0), verdictOf(gainOf(ratio, 'lower'), 0)];
        const opposite = { better: 'worse', worse: 'better', same: 'same', unknown: 'unknown' } as const;
        expect(lower).toBe(opposite[higher]);
      }),
    );
  });

  test.each([
    ['pass', interval(0.96, 1, 1.04)],
    ['pass', interval(1.1, 1.2, 1.3)],
    ['undecided', interval(0.9, 0.97, 1.04)],
    ['undecided', interval(0.9, 0.93, 0.96)],
    ['fail', interval(0.83, 0.85, 0.87)],
    ['undecided', interval(Number.NaN, Number.NaN, Number.NaN)],
  ])('of a gate at 5 %%: %s', (outcome, gain) => {
    expect(gateOutcome(gain, 0.05)).toBe(outcome);
  });
});
