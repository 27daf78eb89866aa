/** Streams of a real daemon: what they say, what fills silence, and how they end when somebody goes away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { sseEvents } from '../../support/wire.js';
import { accumulate, anthropic, create, eventsOf, post } from './messages-api.js';

const QUESTION = { role: 'user' as const, content: 'What is the capital of France?' };
const STORY = { messages: [{ role: 'user', content: 'Write a long story.' }], max_tokens: 4000, stream: true };
const CITY = {
  name: 'city',
  input_schema: {
    type: 'object' as const,
    properties: { name: { type: 'string', maxLength: 10 } },
    required: ['name'],
    additionalProperties: false,
  },
};

describe('a stream', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon([], { SEMANTIC_SERVER_KEEP_ALIVE_SECONDS: '0.05', SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '1' });
  });
  afterAll(() => daemon.stop());
  const engine = async () => (await daemon.status()).engine;

  test('says what a body says', async () => {
    const body = { max_tokens: 12, temperature: 0, messages: [QUESTION] };
    const whole = await create(daemon, body);
    const streamed = accumulate(eventsOf(await (await post(daemon, '/v1/messages', { ...body, stream: true })).text()));
    expect([streamed.content, streamed.stop_reason]).toEqual([whole.content, whole.stop_reason]);
  });

  test('is read by the SDK: text, and a call with the arguments it adds up to', async () => {
    const client = anthropic(daemon);
    const text = await client.messages.stream({ model: 'claude-x', max_tokens: 8, messages: [QUESTION] }).finalText();
    expect(text.length).toBeGreaterThan(0);
    const asked = {
      model: 'claude-x',
      max_tokens: 90,
      messages: [QUESTION],
      tools: [CITY],
      tool_choice: { type: 'any' as const, disable_parallel_tool_use: true },
    };
    const message = await client.messages.stream(asked).finalMessage();
    expect(message.stop_reason).toBe('tool_use');
    expect(message.content).toMatchObject([{ type: 'tool_use', name: 'city', input: { name: expect.any(String) as string } }]);
    const [call] = message.content;
    const answered = await client.messages.create({
      ...asked,
      tool_choice: { type: 'auto' },
      max_tokens: 8,
      messages: [
        QUESTION,
        { role: 'assistant', content: message.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: (call as { id: string }).id, content: 'Paris' }] },
      ],
    });
    expect(answered.usage.cache_read_input_tokens).toBeGreaterThan(0);
  });

  test('ends with the sequence that was to stop it, and says which it was', async () => {
    const asked = { max_tokens: 20, temperature: 0, messages: [QUESTION], stop_sequences: ['###', 'Paris'] };
    const whole = await create(daemon, asked);
    expect(whole).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'Paris' });
    const streamed = accumulate(eventsOf(await (await post(daemon, '/v1/messages', { ...asked, stream: true })).text()));
    expect(streamed).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'Paris', content: whole.content });
  });

  test('of a form that was asked for is that, and no call though it looks like one', async () => {
    const schema = {
      type: 'object',
      properties: { name: { enum: ['city'] }, arguments: { type: 'object', properties: {}, additionalProperties: false } },
      required: ['name', 'arguments'],
      additionalProperties: false,
    };
    const asked = {
      max_tokens: 60,
      messages: [QUESTION],
      tools: [CITY],
      output_config: { format: { type: 'json_schema', schema }, effort: 'low' },
    };
    const whole = await create(daemon, asked);
    expect(whole.content.map(({ type }) => type)).toEqual(['text']);
    expect(JSON.parse(whole.content[0]!.text!)).toEqual({ name: 'city', arguments: {} });
  });

  test('that waits its turn has its head at once and a ping now and then, and the answer after them', async () => {
    const gone = new AbortController();
    const running = post(daemon, '/v1/messages', STORY, { signal: gone.signal }).then((response) => response.text());
    running.catch(() => undefined);
    await until(engine, (now) => now.running === 1);
    const waiting = await post(daemon, '/v1/messages', { messages: [QUESTION], max_tokens: 3, stream: true });
    expect(waiting.status).toBe(200);
    expect((await engine()).waiting).toBe(1);
    const reader = waiting.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (sseEvents(text).filter(({ event }) => event === 'ping').length < 3) text += (await reader.read()).value ?? '';
    expect(sseEvents(text).every(({ event, data }) => event === 'ping' && data['type'] === 'ping')).toBe(true);
    gone.abort();
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    expect(accumulate(eventsOf(text)).content.length).toBe(1);
    await running.catch(() => undefined);
  });

  test('whose reader goes away frees its sequence', async () => {
    const before = (await engine()).requests.cancelled;
    const gone = new AbortController();
    const running = post(daemon, '/v1/messages', STORY, { signal: gone.signal }).then((response) => response.text());
    running.catch(() => undefined);
    await until(engine, (now) => now.running === 1);
    gone.abort();
    await until(engine, (now) => now.running === 0);
    expect((await engine()).requests.cancelled).toBe(before + 1);
  });
});

test('a daemon that stops ends a stream that is still running with an error event, which the SDK throws', async () => {
  const daemon = await startDaemon([], { SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '0' });
  const response = await post(daemon, '/v1/messages', STORY);
  const read = response.text();
  const sdk = anthropic(daemon).messages.stream({ model: 'claude-x', max_tokens: 4000, messages: [QUESTION] });
  const thrown = sdk.finalMessage().then(
    () => null,
    (error: unknown) => error,
  );
  await until(daemon.status, ({ engine }) => engine.running >= 1 && engine.tokens.generated > 5);
  daemon.signal('SIGTERM');
  const events = eventsOf(await read);
  expect(events.at(-1)).toMatchObject({
    type: 'error',
    error: { type: 'overloaded_error', message: expect.stringContaining('stopped') as string },
  });
  expect(events.some(({ type }) => type === 'message_stop')).toBe(false);
  expect(String(await thrown)).toMatch(/overloaded_error|stopped|terminated/);
  expect(await daemon.ended()).toEqual([0, null]);
  await daemon.stop();
});
