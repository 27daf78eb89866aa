import { describe, expect, test } from 'vitest';
import { ReadAhead } from '../../src/server/read-ahead.js';

const isThree = (n: number): n is 3 => n === 3;

async function* numbers(seen: { ended: boolean }, stopAt = Promise.resolve()): AsyncGenerator<number, void, undefined> {
  try {
    yield 1;
    yield 2;
    await stopAt;
    yield 3;
    yield 4;
  } finally {
    seen.ended = true;
  }
}

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const event of events) got.push(event);
  return got;
}

describe('ReadAhead', () => {
  test('what was looked at comes again, in order', async () => {
    const events = new ReadAhead(numbers({ ended: false }));
    expect(await events.find(isThree)).toBe(3);
    expect(await all(events)).toEqual([1, 2, 3, 4]);
  });

  test('what does not come in time is null, and nothing is lost by the waiting', async () => {
    let go = (): void => undefined;
    const events = new ReadAhead(numbers({ ended: false }, new Promise((resolve) => (go = resolve))));
    expect(await events.find(isThree, 10)).toBeNull();
    setTimeout(go, 20);
    expect(await all(events)).toEqual([1, 2, 3, 4]);
  });

  test('what never comes is null, and what is thrown meanwhile is thrown', async () => {
    const events = new ReadAhead(numbers({ ended: false }));
    expect(await events.find((n): n is never => n === 9)).toBeNull();
    expect(await all(events)).toEqual([1, 2, 3, 4]);
    const broken = new ReadAhead(
      (async function* (): AsyncGenerator<number, void, undefined> {
        yield 1;
        throw new Error('out of numbers');
      })(),
    );
    await expect(broken.find(isThree)).rejects.toThrow('out of numbers');
  });

  test('an error that comes after the looking is thrown to the reader', async () => {
    let fail: (error: Error) => void = () => undefined;
    const late = new Promise<void>((_, reject) => (fail = reject));
    const events = new ReadAhead(numbers({ ended: false }, late));
    expect(await events.find(isThree, 5)).toBeNull();
    fail(new Error('too late'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(all(events)).rejects.toThrow('too late');
  });

  test('a reader that leaves early ends the source', async () => {
    const seen = { ended: false };
    for await (const event of new ReadAhead(numbers(seen))) if (event === 2) break;
    expect(seen.ended).toBe(true);
  });
});
