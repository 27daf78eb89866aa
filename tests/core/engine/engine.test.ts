/** The engine in this process, on the real model: what only shows when many requests come, go and are cancelled. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineEvent, GenerationRequest, Usage } from '../../../src/core/domain/request.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { budgetOf, openHere, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';

const home = createHome();
const open = (settings: Record<string, unknown> = {}): Promise<OpenedEngine> => openHere(home.path, settings);

async function read(events: AsyncIterable<EngineEvent>): Promise<{ text: string; usage: Usage; order: string[] }> {
  let text = '';
  const order: string[] = [];
  for await (const event of events) {
    if (order.at(-1) !== event.type) order.push(event.type);
    if (event.type === 'token') text += event.text;
    if (event.type === 'finished') return { text, usage: event.usage, order };
  }
  throw new Error('the answer did not finish');
}

let opened: OpenedEngine;
beforeAll(async () => {
  opened = await open({ 'engine.max_batch_sequences': 3, 'engine.prefill_chunk_tokens': 16, 'cache.max_agents_in_memory': 2 });
});
afterAll(async () => {
  await opened.close();
  home.remove();
});

describe('submit', () => {
  test('events come in order: queued, started, tokens, finished', async () => {
    expect((await read(opened.engine.submit(requestOf('Hi')))).order).toEqual(['queued', 'started', 'token', 'finished']);
  });

  test('requests that come, wait, are aborted and left leave no sequence behind that is not kept on purpose', async () => {
    const before = opened.engine.status().requests;
    const outcomes = await Promise.all(
      Array.from({ length: 18 }, async (_, i) => {
        const abort = new AbortController();
        const events = opened.engine.submit(requestOf(`Question ${i}: ${'why '.repeat(i * 3)}`, { cachePrompt: i % 4 !== 0 }), {
          signal: abort.signal,
        });
        let seen = 0;
        try {
          for await (const event of events) {
            seen += 1;
            if (i % 3 === 1 && seen === 1 + (i % 5)) abort.abort(); // while queued, prefilling or decoding
            if (i % 3 === 2 && seen === 3) return 'left';
            if (event.type === 'finished') return 'finished';
          }
          return 'ended';
        } catch (error) {
          return (error as { code: string }).code;
        }
      }),
    );
    await opened.engine.drain();
    const { requests, waiting, running, retained, kv, fault } = opened.engine.status();
    expect(outcomes.filter((_, i) => i % 3 === 0)).toEqual(Array.from({ length: 6 }, () => 'finished'));
    expect(outcomes.filter((_, i) => i % 3 === 1)).toEqual(Array.from({ length: 6 }, () => 'Cancelled'));
    expect(outcomes.filter((_, i) => i % 3 === 2)).toEqual(Array.from({ length: 6 }, () => 'left'));
    expect(requests).toEqual({
      ...before,
      submitted: before.submitted + 18,
      finished: before.finished + 6,
      cancelled: before.cancelled + 12,
    });
    expect([waiting, running, kv.runningBytes, fault]).toEqual([0, 0, 0, null]);
    expect(retained.sequences).toBeLessThanOrEqual(2);
    expect(opened.stats().sequences).toBe(retained.sequences);
  });

  test('aborting ends a generation within one step: at most the token being computed is still sampled', async () => {
    const abort = new AbortController();
    let decodedAtAbort = 0;
    let tokens = 0;
    const events = opened.engine.submit(requestOf('Count to a thousand.', { maxTokens: 2000 }), { signal: abort.signal });
    await expect(
      (async () => {
        for await (const event of events) {
          if (event.type !== 'token' || ++tokens !== 5) continue;
          decodedAtAbort = opened.stats().tokensDecoded;
          abort.abort();
        }
      })(),
    ).rejects.toMatchObject({ code: 'Cancelled' });
    await opened.engine.drain();
    expect(opened.stats().tokensDecoded - decodedAtAbort).toBeLessThanOrEqual(1);
  });

  test('an aborted signal never starts anything', async () => {
    const { submitted } = opened.engine.status().requests;
    await expect(read(opened.engine.submit(requestOf('Hi'), { signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: 'Cancelled' });
    expect(opened.engine.status().requests.submitted).toBe(submitted);
  });

  test('a turn after an aborted one finds the prompt it left, and gives the text of a cold start', async () => {
    const abort = new AbortController();
    const question = 'Tell me about the history of bread in great detail, from the first grain to the bakeries of today.';
    const session = { sessionId: 'aborted', maxTokens: 64 };
    await expect(
      (async () => {
        for await (const event of opened.engine.submit(requestOf(question, session), { signal: abort.signal }))
          if (event.type === 'token') abort.abort();
      })(),
    ).rejects.toMatchObject({ code: 'Cancelled' });
    const warm = await read(opened.engine.submit(requestOf(question, { ...session, maxTokens: 8 })));
    const cold = await read(opened.engine.submit(requestOf(question, { maxTokens: 8, cachePrompt: false })));
    expect(warm.usage.cachedTokens).toBe(warm.usage.promptTokens - 1);
    expect(warm.text).toBe(cold.text);
  });

  test('a system prompt of one session serves the others, and each finds its own conversation again', async () => {
    const rules = `Answer in one word. ${Array.from({ length: 40 }, (_, i) => `Rule ${i}: be brief.`).join(' ')}`;
    const turn = (sessionId: string, ...said: string[]): GenerationRequest =>
      requestOf('', {
        sessionId,
        messages: [
          { role: 'system', content: rules },
          ...said.map((content, i) => ({ role: i % 2 === 0 ? ('user' as const) : ('assistant' as const), content })),
        ],
      });
    const ask = (asked: GenerationRequest) => read(opened.engine.submit(asked));
    const one = await ask(turn('one', 'What is the capital of France?'));
    const copiedBefore = opened.stats().kvCopiedBytes;
    const two = await ask(turn('two', 'Name a colour.'));
    expect(two.usage.cachedTokens).toBeGreaterThan(200);
    expect(opened.stats().kvSharedBytes).toBeGreaterThan(0);
    expect(opened.stats().kvCopiedBytes).toBeGreaterThan(copiedBefore);

    const next = turn('one', 'What is the capital of France?', one.text, 'And of Italy?');
    const warm = await ask(next);
    expect(warm.usage.cachedTokens).toBeGreaterThanOrEqual(one.usage.promptTokens);
    const again = await ask(turn('two', 'Name a colour.', two.text, 'Another.'));
    expect(again.usage.cachedTokens).toBeGreaterThanOrEqual(two.usage.promptTokens);
    expect(two.text).toBe((await ask({ ...turn('two', 'Name a colour.'), cachePrompt: false })).text);
    expect(warm.text).toBe((await ask({ ...next, cachePrompt: false })).text);
    await opened.engine.drain();
    expect(opened.stats().sequences).toBe(opened.engine.status().retained.sequences);
  });

  test('a fork outlives its source, which went for want of room', async () => {
    const long = Array.from({ length: 60 }, (_, i) => `thing ${i}`).join(', ');
    const session = (sessionId: string, content: string): GenerationRequest => requestOf(`${long}. ${content}`, { sessionId });
    const { usage } = await read(opened.engine.submit(session('source', 'First?')));
    const narrow = await open(budgetOf(Math.ceil((usage.promptTokens + 8) / 256), opened, home.path));
    try {
      const first = await read(narrow.engine.submit(session('source', 'First?')));
      const second = await read(narrow.engine.submit(session('other', 'Second?')));
      expect(second.usage.cachedTokens).toBeGreaterThan(first.usage.promptTokens / 2);
      expect(second.text).toBe((await read(opened.engine.submit({ ...session('x', 'Second?'), cachePrompt: false }))).text);
      expect(narrow.engine.status().retained.sequences).toBe(1);
      expect(narrow.stats().sequences).toBe(1);
    } finally {
      await narrow.close();
    }
  });

  test('the prefill chunk changes nothing', async () => {
    const long = `List what these have in common: ${Array.from({ length: 60 }, (_, i) => `thing ${i}`).join(', ')}.`;
    const small = await read(opened.engine.submit(requestOf(long, { cachePrompt: false })));
    const other = await open({ 'engine.prefill_chunk_tokens': 200 });
    const large = await read(other.engine.submit(requestOf(long, { cachePrompt: false })));
    await other.close();
    expect(large.text).toBe(small.text);
  });
});

describe('close', () => {
  test('what runs ends as ShuttingDown, and so does what comes', async () => {
    const other = await open();
    const events = other.engine.submit(requestOf('Count to a thousand.', { maxTokens: 2000 }));
    await events.next();
    const closed = other.close();
    await expect(read(events)).rejects.toMatchObject({
      code: 'ShuttingDown',
      message: 'the daemon stopped before the answer was complete',
    });
    await expect(read(other.engine.submit(requestOf('Hi')))).rejects.toMatchObject({ code: 'ShuttingDown', status: 503 });
    await closed;
  });
});

test('bookkeeping that contradicts itself is found when the engine is idle, and nothing is admitted from then on', async () => {
  const other = await open();
  await read(other.engine.submit(requestOf('Hi')));
  await other.engine.drain();
  expect(other.engine.status()).toMatchObject({ fault: null, retained: { sequences: 1 } });
  Object.assign(other.engine.model.cache.kinds[0]!, { blockBytes: 1 }); // what a stray write would do
  await read(other.engine.submit(requestOf('Hello')));
  await other.engine.drain();
  expect(other.engine.status().fault).toMatch(/^\[block_pool\] integrity: \d+ bytes used, blocks sum to \d+$/);
  await expect(read(other.engine.submit(requestOf('Hi')))).rejects.toMatchObject({ code: 'Internal', status: 500 });
  await expect(other.close()).rejects.toThrow('[block_pool] integrity');
});
