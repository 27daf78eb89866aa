import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Recent } from '../../../src/core/domain/recent.js';

test('what is older than the span is forgotten, to the millisecond', () => {
  const recent = new Recent(100, 10);
  recent.add(0, 5);
  recent.add(60, 7);
  expect([recent.sum(99), recent.sum(100), recent.sum(160)]).toEqual([12, 7, 0]);
  expect(recent.spread(160)).toEqual({ p50: null, p95: null });
});

test('the sum and the quantiles are those of the newest values within the span, in whatever order they came', () => {
  const event = fc.record({ after: fc.nat(30), value: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.nat(200), (events, later) => {
      const [span, most] = [150, 20];
      const recent = new Recent(span, most);
      const all: { at: number; value: number }[] = [];
      let now = 0;
      for (const { after, value } of events) {
        now += after;
        recent.add(now, value);
        all.push({ at: now, value });
      }
      now += later;
      const kept = all
        .slice(-most)
        .filter(({ at }) => at > now - span)
        .map(({ value }) => value);
      expect(recent.sum(now)).toBe(kept.reduce((sum, value) => sum + value, 0));
      const { p50, p95 } = recent.spread(now);
      expect([p50, p95].includes(null)).toBe(kept.length === 0);
      if (kept.length === 0) return;
      for (const [quantile, share] of [
        [p50!, 0.5],
        [p95!, 0.95],
      ] as const) {
        expect(kept).toContain(quantile);
        expect(kept.filter((value) => value <= quantile).length).toBeGreaterThanOrEqual(share * kept.length);
        expect(kept.filter((value) => value < quantile).length).toBeLessThan(share * kept.length);
      }
    }),
  );
});
