import { expect, test } from 'vitest';
import { Meter } from '../../../src/core/engine/meter.js';
import { Pace } from '../../../src/core/engine/pace.js';

function create() {
  const clock = { time: 1_000 };
  const meter = new Meter({ now: () => clock.time, after: () => () => undefined });
  return { clock, meter };
}

test('rates are tokens over the time since the start, and over the span once that is past', () => {
  const { clock, meter } = create();
  clock.time += 2_000;
  meter.step(10, 4, 100);
  meter.step(20, 6, 0);
  expect(meter.rates()).toMatchObject({ decodeTokensPerSecond: 5, prefillTokensPerSecond: 50, stepMs: { p50: 10, p95: 20 } });
  clock.time += 4_999;
  expect(meter.rates()).toMatchObject({ decodeTokensPerSecond: 2, prefillTokensPerSecond: 20 });
  clock.time += 1;
  expect(meter.rates()).toMatchObject({ decodeTokensPerSecond: 0, prefillTokensPerSecond: 0, stepMs: { p50: null, p95: null } });
});

test('a request has waited until its sequence is made; its first token counts from its arrival, the others from the one before', () => {
  const { clock, meter } = create();
  const pace = new Pace(clock.time);
  clock.time += 30;
  expect([pace.waitedMs(clock.time), pace.ageMs(clock.time)]).toEqual([30, 30]);
  pace.start(clock.time, meter);
  clock.time += 70;
  expect([pace.ttftMs, pace.tokensPerSecond]).toEqual([null, 0]);
  for (const gap of [0, 10, 10, 20]) {
    clock.time += gap;
    pace.token(clock.time, meter);
  }
  expect(pace.ageMs(clock.time)).toBe(140);
  expect([pace.waitedMs(clock.time), pace.ttftMs, pace.tokensPerSecond]).toEqual([30, 100, 75]);
  expect(meter.rates()).toMatchObject({ queueMs: { p50: 30 }, ttftMs: { p50: 100 }, interTokenMs: { p50: 10, p95: 20 } });
});
