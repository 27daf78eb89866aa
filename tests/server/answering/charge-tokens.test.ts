import { describe, expect, test } from 'vitest';
import { chargingTokens } from '../../../src/server/answering/charge-tokens.js';

type Event = Parameters<typeof chargingTokens>[0] extends AsyncGenerator<infer E> ? E : never;

const started = (promptTokens: number, cachedTokens: number, choice = 0): Event => ({
  type: 'started',
  promptTokens,
  cachedTokens,
  choice,
});
const token: Event = { type: 'token' };
const finished = (promptTokens: number, cachedTokens: number, completionTokens: number, choice = 0): Event => ({
  type: 'finished',
  usage: { promptTokens, cachedTokens, completionTokens },
  choice,
});

async function* play(events: readonly (Event | Error)[]): AsyncGenerator<Event, void, undefined> {
  for (const event of events) {
    await Promise.resolve();
    if (event instanceof Error) throw event;
    yield event;
  }
}

/** What was charged, and how many events were seen until then. */
async function charged(events: readonly (Event | Error)[], readAtMost = Infinity): Promise<readonly (readonly [number, number])[]> {
  const charges: [number, number][] = [];
  let read = 0;
  const chargeTokens = (tokens: number): void => void charges.push([tokens, read]);
  try {
    for await (const _ of chargingTokens(play(events), { chargeTokens })) {
      read += 1;
      if (read >= readAtMost) break;
    }
  } catch (error) {
    expect(error).toMatchObject({ message: 'broken' });
  }
  return charges;
}

describe('chargingTokens', () => {
  test('charges what was computed of the prompt and what was generated, before the end is told', async () => {
    expect(await charged([{ type: 'queued', promptTokens: 10 }, started(10, 4), token, finished(10, 4, 7)])).toEqual([[13, 3]]);
  });

  test('charges each of several answers by itself', async () => {
    const events = [started(10, 0), started(10, 9, 1), token, finished(10, 9, 3, 1), finished(10, 0, 5)];
    expect(await charged(events)).toEqual([
      [4, 3],
      [15, 4],
    ]);
  });

  test('charges an answer that is given up, or that breaks, for what there was of it', async () => {
    expect(await charged([started(10, 4), token, token, token], 3)).toEqual([[8, 3]]);
    expect(await charged([started(10, 4), token, new Error('broken')])).toEqual([[7, 2]]);
  });

  test('charges nothing for a request that never came to its turn', async () => {
    expect(await charged([{ type: 'queued', promptTokens: 10 }, new Error('broken')])).toEqual([]);
  });

  test('hands events on as they are where nothing is limited', async () => {
    const events = [started(10, 4), token, finished(10, 4, 1)];
    const read: Event[] = [];
    for await (const event of chargingTokens(play(events), {})) read.push(event);
    expect(read).toEqual(events);
  });
});
