import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon([], {
    SEMANTIC_ENGINE_STREAM_BUFFER_EVENTS: '8',
    SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '2',
    SEMANTIC_ENGINE_MAX_QUEUE: '1',
  });
});
afterAll(() => daemon.stop());

const endless = { messages: [{ role: 'user', content: 'Write a long story.' }], ignore_eos: true, max_tokens: 4000 };
const engine = async () => (await daemon.status()).engine;
const idle = () => until(engine, ({ running, waiting }) => running === 0 && waiting === 0);

/** Aborts once a few tokens are generated; returns how many more came after the engine noticed. */
async function generatedAfterAbort(start: (signal: AbortSignal) => Promise<unknown>): Promise<number> {
  const abort = new AbortController();
  const { tokens } = await engine();
  const request = start(abort.signal).catch(() => undefined);
  await until(engine, (now) => now.tokens.generated >= tokens.generated + 3);
  abort.abort();
  await request;
  const stopped = await idle();
  await new Promise((resolve) => setTimeout(resolve, 300));
  return (await engine()).tokens.generated - stopped.tokens.generated;
}

describe('a client that goes away', () => {
  test('in the middle of a stream: its generation stops and its batch slot is free', async () => {
    const before = (await engine()).requests.cancelled;
    const more = await generatedAfterAbort(async (signal) => (await daemon.chat({ ...endless, stream: true }, { signal })).text());
    expect(more).toBe(0);
    expect((await engine()).requests.cancelled).toBe(before + 1);
  });

  test('while waiting for a whole answer: likewise', async () => {
    const before = (await engine()).requests.cancelled;
    expect(await generatedAfterAbort((signal) => daemon.chat(endless, { signal }))).toBe(0);
    expect((await engine()).requests.cancelled).toBe(before + 1);
  });

  test('while its request is queued: it never runs', async () => {
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const running = [first, second].map((abort) => daemon.chat(endless, { signal: abort.signal }).catch(() => undefined));
    await until(engine, (now) => now.running === 2);
    const queued = daemon.chat(endless, { signal: third.signal }).catch(() => undefined);
    await until(engine, (now) => now.waiting === 1);
    const full = await daemon.chat(endless);
    expect(full.status).toBe(429);
    // The answers before it are 4,000 tokens long, as far as anyone knows.
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThanOrEqual(2);
    expect(Number(full.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(await full.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'overloaded' } });
    third.abort();
    await queued;
    await until(engine, (now) => now.waiting === 0);
    first.abort();
    second.abort();
    await Promise.all(running);
    await idle();
  });

  test('with cache_prompt false its sequence is dropped, and no KV stays', async () => {
    const before = (await daemon.status()).native.sequences;
    await generatedAfterAbort(async (signal) => (await daemon.chat({ ...endless, cache_prompt: false, stream: true }, { signal })).text());
    expect((await daemon.status()).native.sequences).toBe(before);
  });
});

test('a reader that does not read holds up its own sequence only, in bounded memory', async () => {
  const body = JSON.stringify({ model: daemon.summary.model.id, ...endless, stream: true, logprobs: true, top_logprobs: 20 });
  const slow = httpRequest({ socketPath: daemon.summary.socket, method: 'POST', path: '/v1/chat/completions' });
  slow.on('response', (response) => response.pause());
  slow.on('error', () => undefined);
  slow.end(body);
  await until(engine, (now) => now.running === 1);
  // Held: half a second goes by without a token, while the request is still running.
  let last = -1;
  const held = await until(
    async () => {
      const generated = (await engine()).tokens.generated;
      await new Promise((resolve) => setTimeout(resolve, 500));
      const same = generated === last;
      last = generated;
      return same;
    },
    (same) => same,
  );
  expect(held).toBe(true);
  expect((await engine()).running).toBe(1);
  const other = await daemon.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3, ignore_eos: true });
  expect(((await other.json()) as { usage: { completion_tokens: number } }).usage.completion_tokens).toBe(3);
  slow.destroy();
  await idle();
}, 120_000);
