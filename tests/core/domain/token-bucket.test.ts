import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/core/domain/token-bucket.js';

const MINUTE_MS = 60_000;

/** Pauses between tries, ms. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 90_000, noNaN: true })), { maxLength: 300 });
const rates = fc.integer({ min: 1, max: 5_000 });

describe('TokenBucket', () => {
  test('never admits more than its burst and what came since, whenever somebody tries', () => {
    fc.assert(
      fc.property(rates, pauses, (perMinute, waits) => {
        const bucket = new TokenBucket(perMinute, 0);
        let [now, admitted] = [0, 0];
        for (const wait of waits) {
          now += wait;
          for (let i = 0; i < 3; i++) {
            if (bucket.openInMs(now) > 0) continue;
            bucket.take(1, now);
            admitted += 1;
          }
          expect(admitted).toBeLessThanOrEqual(perMinute + (now * perMinute) / MINUTE_MS + 1e-3);
        }
      }),
    );
  });

  test('of costs that are known only afterwards, no more was taken than that when one more is admitted', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.tuple(fc.nat(30_000), fc.nat(9_000)), { maxLength: 100 }), (perMinute, tries) => {
        const bucket = new TokenBucket(perMinute, 0);
        let [now, taken] = [0, 0];
        for (const [wait, cost] of tries) {
          now += wait;
          if (bucket.openInMs(now) > 0) continue;
          expect(taken).toBeLessThanOrEqual(perMinute + (now * perMinute) / MINUTE_MS);
          bucket.take(cost, now);
          taken += cost;
        }
      }),
    );
  });

  test('who waits as long as told is admitted, and a little earlier is not', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 20_000 }), (perMinute, taken) => {
        const bucket = new TokenBucket(perMinute, 0);
        bucket.take(perMinute + taken, 0);
        const wait = bucket.openInMs(0);
        expect(wait).toBeGreaterThan(0);
        expect(bucket.openInMs(wait * 0.99)).toBeGreaterThan(0);
        expect([bucket.openInMs(wait), bucket.left(wait)]).toEqual([0, 1]);
      }),
    );
  });

  test('is full again when it says so, and no fuller later', () => {
    const bucket = new TokenBucket(60, 0);
    bucket.take(90, 0);
    expect([bucket.left(0), bucket.openInMs(0), bucket.fullInMs(0)]).toEqual([0, expect.closeTo(31_000), expect.closeTo(90_000)]);
    expect([bucket.left(89_000), bucket.left(90_000), bucket.left(10 * MINUTE_MS), bucket.fullInMs(10 * MINUTE_MS)]).toEqual([
      59, 60, 60, 0,
    ]);
  });

  test('a clock that goes back gives nothing, and takes nothing', () => {
    const bucket = new TokenBucket(60, 10_000);
    bucket.take(30, 10_000);
    expect([bucket.left(0), bucket.left(10_000), bucket.left(11_000)]).toEqual([30, 30, 31]);
  });

  test('another rate gives nothing that is missing, and holds from then on', () => {
    const bucket = new TokenBucket(60, 0);
    bucket.take(50, 0);
    bucket.setRate(600, 0);
    expect([bucket.left(0), bucket.left(1_000)]).toEqual([10, 20]);
    bucket.setRate(5, 1_000);
    expect([bucket.left(1_000), bucket.left(MINUTE_MS)]).toEqual([5, 5]);
  });
});
