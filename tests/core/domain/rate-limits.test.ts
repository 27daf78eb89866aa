import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateBook } from '../../../src/core/domain/rate-limits.js';

const BOTH = { requestsPerMinute: 10, tokensPerMinute: 100 };
const NONE = { requestsPerMinute: 0, tokensPerMinute: 0 };

describe('RateBook', () => {
  test('keeps a budget of its own for each key, of what is limited', () => {
    const book = new RateBook(8);
    book.of('a', BOTH, 0).requests!.take(4, 0);
    expect([book.of('a', BOTH, 0).requests!.left(0), book.of('b', BOTH, 0).requests!.left(0)]).toEqual([6, 10]);
    const requestsOnly = book.of('c', { ...BOTH, tokensPerMinute: 0 }, 0);
    expect([requestsOnly.requests?.perMinute, requestsOnly.tokens]).toEqual([10, null]);
  });

  test('remembers nothing of a key without limits, and gives one that had some nothing back for it', () => {
    const book = new RateBook(8);
    expect([book.of('a', NONE, 0), book.size]).toEqual([{ requests: null, tokens: null }, 0]);
    book.of('a', BOTH, 0).tokens!.take(70, 0);
    const changed = book.of('a', { requestsPerMinute: 0, tokensPerMinute: 200 }, 0);
    expect([changed.requests, changed.tokens!.left(0), book.size]).toEqual([null, 30, 1]);
    book.of('a', NONE, 0);
    expect(book.size).toBe(0);
  });

  test('never has more budgets than it may, however many keys come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.tuple(fc.string({ maxLength: 2 }), fc.nat(20))), (most, asked) => {
        const book = new RateBook(most);
        for (const [i, [key, cost]] of asked.entries()) {
          book.of(key, BOTH, i).tokens!.take(cost, i);
          expect(book.size).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('where room is wanted, those go first that miss nothing, then who misses least', () => {
    const book = new RateBook(3);
    const missing = (key: string, now: number): number => 100 - book.of(key, BOTH, now).tokens!.left(now);
    for (const [key, tokens] of [
      ['low', 90],
      ['full', 0],
      ['half', 50],
    ] as const)
      book.of(key, BOTH, 0).tokens!.take(tokens, 0);
    book.of('new', BOTH, 0).tokens!.take(99, 0);
    expect([missing('low', 0), missing('half', 0), missing('new', 0)]).toEqual([90, 50, 99]);
    book.of('another', BOTH, 0);
    expect([missing('low', 0), missing('new', 0), book.size]).toEqual([90, 99, 3]);
  });
});
