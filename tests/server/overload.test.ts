/** A real daemon that is asked for too much, for too long, or for what cannot be. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_SERVER_SLOW_READER_SECONDS: '0.5', SEMANTIC_ENGINE_STREAM_BUFFER_EVENTS: '8' });
});
afterAll(() => daemon.stop());

const story = { messages: [{ role: 'user', content: 'Write a long story.' }], ignore_eos: true, max_tokens: 4000 };
const engine = async () => (await daemon.status()).engine;
const errorOf = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as { error: { code: string; param: string | null; message: string } }).error,
});

test('of a thousand requests at once each has an answer or a 429 that says when to come again', async () => {
  const before = (await engine()).requests;
  const body = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 };
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async () => {
      const response = await daemon.chat(body);
      const json = (await response.json()) as { choices?: unknown[]; error?: { code: string } };
      return { status: response.status, again: Number(response.headers.get('retry-after')), json };
    }),
  );
  const answered = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
  expect(answered.length).toBeGreaterThan(0);
  expect(answered.every(({ json }) => json.choices?.length === 1)).toBe(true);
  expect(refused.every(({ json, again }) => json.error?.code === 'overloaded' && again >= 1 && again <= 60)).toBe(true);
  const { requests, running, waiting, fault } = await engine();
  expect([requests.finished - before.finished, requests.refused - before.refused]).toEqual([answered.length, refused.length]);
  expect([running, waiting, fault]).toEqual([0, 0, null]);
}, 120_000);

describe('a deadline', () => {
  test('ends a whole answer with a 408', async () => {
    expect(await errorOf(await daemon.chat({ ...story, timeout_ms: 150 }))).toMatchObject({ status: 408, code: 'deadline_exceeded' });
    await until(engine, ({ running }) => running === 0);
  });

  test('ends a stream with an error event', async () => {
    const response = await daemon.chat({ ...story, stream: true }, { headers: { 'x-semantic-timeout-ms': '800' } });
    const text = await response.text();
    expect(text).toContain('"code":"deadline_exceeded"');
    expect(text).not.toContain('[DONE]');
    await until(engine, ({ running }) => running === 0);
  });

  test('counts while a turn waits for the one before it', async () => {
    const agent = `${daemon.summary.address}/v1/agents`;
    await fetch(agent, { method: 'POST', body: JSON.stringify({ id: 'busy' }) });
    const turn = (body: object, signal?: AbortSignal) =>
      fetch(`${agent}/busy/generate`, {
        method: 'POST',
        body: JSON.stringify({ input: 'Write a long story.', ignore_eos: true, max_tokens: 4000, ...body }),
        ...(signal === undefined ? {} : { signal }),
      });
    const abort = new AbortController();
    const first = turn({}, abort.signal).catch(() => undefined);
    await until(engine, ({ running }) => running === 1);
    expect(await errorOf(await turn({ timeout_ms: 100 }))).toMatchObject({ status: 408, code: 'deadline_exceeded' });
    expect((await engine()).running).toBe(1);
    abort.abort();
    await first;
    await until(engine, ({ running }) => running === 0);
  });
});

test.each([
  [{ timeout_ms: -5 }, 'timeout_ms'],
  [{ timeout_ms: 0 }, 'timeout_ms'],
  [{ timeout_ms: 1.5 }, 'timeout_ms'],
  [{ priority: 'urgent' }, 'priority'],
  [{ max_tokens: 0 }, 'max_tokens'],
  [{ max_tokens: -1 }, 'max_tokens'],
])('%j is a 400 that names %s', async (fields, param) => {
  const refused = await errorOf(await daemon.chat({ ...story, ...fields }));
  expect([refused.status, refused.param]).toEqual([400, param]);
});

test('more tokens than the context holds are refused to an agent, and cut to what there is for clients that know no better', async () => {
  const turn = await fetch(`${daemon.summary.address}/v1/agents`, { method: 'POST', body: JSON.stringify({ id: 'greedy' }) });
  expect(turn.status).toBe(201);
  const body = JSON.stringify({ input: 'Hi', max_tokens: 1_000_000 });
  const refused = await errorOf(await fetch(`${daemon.summary.address}/v1/agents/greedy/generate`, { method: 'POST', body }));
  expect([refused.status, refused.param]).toEqual([400, 'max_tokens']);
  const answer = await daemon.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1_000_000, stop: [' '] });
  expect(answer.status).toBe(200);
});

test('a client that never reads is cut off with a line in the log, and its memory comes back', async () => {
  const body = JSON.stringify({ model: daemon.summary.model.id, ...story, stream: true, logprobs: true, top_logprobs: 20 });
  const silent = httpRequest({ socketPath: daemon.summary.socket, method: 'POST', path: '/v1/chat/completions' });
  const closed = new Promise((resolve) => silent.on('close', resolve));
  silent.on('response', (response) => response.pause());
  silent.on('error', () => undefined);
  silent.end(body);
  await until(engine, ({ running }) => running === 1);
  await until(engine, ({ running, kv }) => running === 0 && kv.runningBytes === 0);
  expect(daemon.stderr()).toContain('a client took nothing of its stream for 0.5 s (server.slow_reader_seconds) and was cut off');
  silent.destroy();
  await closed;
}, 120_000);
