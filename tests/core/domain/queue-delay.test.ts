import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { queueDelayMs } from '../../../src/core/domain/queue-delay.js';

const costs = { tokenMs: 2, stepMs: 10 };
const work = (prefillTokens: number, outputTokens: number) => ({ prefillTokens, outputTokens });

describe('queueDelayMs()', () => {
  test('nobody waits while a slot is free', () => {
    expect(queueDelayMs([work(0, 100)], [], 2, costs)).toBe(0);
    expect(queueDelayMs([work(0, 100)], [work(50, 10)], 3, costs)).toBe(0);
  });

  test('the first to come waits for the first slot, the next for the one after', () => {
    const running = [work(0, 100), work(0, 30)];
    expect(queueDelayMs(running, [], 2, costs)).toBe(300);
    expect(queueDelayMs(running, [work(0, 40)], 2, costs)).toBe(700);
    expect(queueDelayMs(running, [work(0, 40), work(0, 50)], 2, costs)).toBe(1_000);
  });

  test('prompts ahead are read one after another, however many slots there are', () => {
    const ahead = Array.from({ length: 8 }, () => work(1_000, 1));
    expect(queueDelayMs(ahead, ahead, 8, costs)).toBe(16 * 2_000);
  });

  test('whoever comes later waits no less', () => {
    const anyWork = fc.record({ prefillTokens: fc.nat(500), outputTokens: fc.integer({ min: 1, max: 200 }) });
    fc.assert(
      fc.property(fc.array(anyWork, { maxLength: 6 }), fc.array(anyWork, { maxLength: 10 }), anyWork, (running, waiting, next) => {
        const slots = Math.max(1, running.length);
        const before = queueDelayMs(running, waiting, slots, costs);
        expect(queueDelayMs(running, [...waiting, next], slots, costs)).toBeGreaterThanOrEqual(before);
      }),
    );
  });
});
