/** A call that comes back in a client's own formatting is read as it was emitted, also by a daemon that was not there when it was. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { type Message, post, promptTokens } from './messages-api.js';

const SYSTEM = `You are a helpful assistant. ${'Answer briefly, kindly and only when you know. '.repeat(30)}`;
const FORECAST = {
  name: 'forecast',
  description: 'Tells the weather of some days.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 12 }, days: { type: 'integer', minimum: 1, maximum: 9 } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
};
const QUESTION = { role: 'user', content: 'What will the weather be in Bern?' };

type Headers = Readonly<Record<string, string>>;

async function ask(daemon: TestDaemon, headers: Headers, messages: readonly object[], more: object = {}): Promise<Message> {
  const body = { max_tokens: 60, temperature: 0, system: SYSTEM, tools: [FORECAST], messages, ...more };
  const response = await post(daemon, '/v1/messages', body, { headers });
  expect(response.status).toBe(200);
  return (await response.json()) as Message;
}

function calls(daemon: TestDaemon, headers: Headers): Promise<Message> {
  return ask(daemon, headers, [QUESTION], { tool_choice: { type: 'any', disable_parallel_tool_use: true } });
}

/** What is sent next, with the keys of the call's input in another order. */
function goingOn(called: Message): readonly object[] {
  const content = called.content.map((block) =>
    block.type === 'tool_use' ? { ...block, input: { days: block.input!['days'], city: block.input!['city'] } } : block,
  );
  const id = called.content.find(({ type }) => type === 'tool_use')!.id;
  return [
    QUESTION,
    { role: 'assistant', content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'Sunny.' }] },
  ];
}

async function count(daemon: TestDaemon, headers: Headers, messages: readonly object[]): Promise<unknown> {
  const response = await post(daemon, '/v1/messages/count_tokens', { system: SYSTEM, tools: [FORECAST], messages }, { headers });
  return response.json();
}

/** Files of calls that are written. */
function written(home: string): string[] {
  const folder = join(home, 'calls');
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')) : [];
}

async function stored(daemon: TestDaemon): Promise<void> {
  await until(
    () => written(daemon.home),
    (files) => files.length > 0,
  );
  // KV of the turn follows in the background: until nothing more comes.
  let before = -1;
  await until(
    async () => (await daemon.status()).store.bytes,
    (bytes) => {
      const isSettled = bytes > 0 && bytes === before;
      before = bytes;
      return isSettled;
    },
  );
}

const SESSION = { 'x-claude-code-session-id': '0b6f5f0e-0000-4000-8000-000000000001' };

describe.each<[string, Headers]>([
  ['of a session', SESSION],
  ['of nobody in particular', {}],
])('a conversation %s', (_, headers) => {
  test('is the same text after kill -9, and what was there of it is found', async () => {
    const first = await startDaemon();
    try {
      const called = await calls(first, headers);
      const counted = await count(first, headers, goingOn(called));
      await stored(first);
      first.signal('SIGKILL');
      await first.ended();
      const second = await startDaemon([], { SEMANTIC_HOME: first.home });
      try {
        expect(await count(second, headers, goingOn(called))).toEqual(counted);
        const { usage } = await ask(second, headers, goingOn(called));
        const there = promptTokens(called.usage) + called.usage.output_tokens;
        // The last token of an answer is sampled, and computed only when something follows it. Without a record of the conversation the
        // ids of what a constraint made the model say are not known, only their text: some of them are read again.
        const lost = headers === SESSION ? 1 : called.usage.output_tokens;
        expect(there - usage.cache_read_input_tokens).toBeLessThanOrEqual(lost);
      } finally {
        await second.stop();
      }
    } finally {
      await first.stop();
    }
  });
});

test('an agent that is removed takes its calls along, and no other agent’s', async () => {
  const daemon = await startDaemon();
  try {
    for (const session of ['one', 'two']) await calls(daemon, { 'x-claude-code-session-id': session });
    await until(
      () => written(daemon.home),
      (files) => files.length === 2,
    );
    const response = await fetch(`${daemon.summary.address}/v1/agents/claude-one?purge=true`, { method: 'DELETE' });
    expect(response.status).toBe(200);
    expect(written(daemon.home)).toHaveLength(1);
  } finally {
    await daemon.stop();
  }
});

test('without a store on disk calls are not written', async () => {
  const daemon = await startDaemon([], { SEMANTIC_STORE_ENABLED: 'false' });
  try {
    const called = await calls(daemon, {});
    const { usage } = await ask(daemon, {}, goingOn(called));
    expect(usage.cache_read_input_tokens).toBeGreaterThan(0.9 * promptTokens(called.usage));
    expect(existsSync(join(daemon.home, 'calls'))).toBe(false);
  } finally {
    await daemon.stop();
  }
});
