/** What clients of the Messages API are told when it goes wrong, and what they ask besides. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERROR_TABLE, type ErrorCode, SemanticError } from '../../../src/core/domain/errors.js';
import { messagesErrorBody, statusOf } from '../../../src/server/messages/errors.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { assertValid } from '../../support/wire.js';
import { anthropic, post } from './messages-api.js';

const QUESTION = { role: 'user' as const, content: 'What is the capital of France?' };
const STORY = { messages: [{ role: 'user', content: 'Write a long story.' }], max_tokens: 4000 };
const VENDOR = { 'anthropic-version': '2023-06-01' };

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon([], {
    SEMANTIC_SERVER_MAX_BODY_BYTES: '100000',
    SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '2',
    SEMANTIC_ENGINE_MAX_QUEUE: '1',
    SEMANTIC_SCHEDULER_MAX_RUNNING_PER_KEY: '1',
  });
});
afterAll(() => daemon.stop());

interface Refused {
  readonly error: { readonly type: string; readonly message: string };
  readonly request_id: string;
}

async function refused(response: Response): Promise<Refused & { readonly status: number; readonly again: string | null }> {
  const body = (await response.json()) as Refused;
  assertError(body);
  expect(response.headers.get('request-id')).toBe(body.request_id);
  return { ...body, status: response.status, again: response.headers.get('retry-after') };
}

/** The SDK's types lack the one that the vendor's front door, and not its API, answers with. */
function assertError(body: Refused): void {
  if (body.error.type !== 'request_too_large') assertValid('AError', body);
}

const raw = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${daemon.summary.address}${path}`, init);

test('every error of the table has a status and a type that the API knows', () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    const error = new SemanticError(code, 'what', { hint: 'so' });
    assertError(messagesErrorBody(error, 'req_1') as Refused);
    expect(statusOf(error)).toBeGreaterThanOrEqual(400);
  }
  const told = (code: ErrorCode): unknown => {
    const error = new SemanticError(code, 'what');
    return [statusOf(error), (messagesErrorBody(error, 'r') as Refused).error.type];
  };
  expect(told('Overloaded')).toEqual([529, 'overloaded_error']);
  expect(told('KeyOverLimit')).toEqual([429, 'rate_limit_error']);
  expect(told('DeadlineExceeded')).toEqual([504, 'timeout_error']);
  expect(told('QuotaExceeded')).toEqual([403, 'permission_error']);
  expect(told('ShuttingDown')).toEqual([503, 'overloaded_error']);
  expect(told('Internal')).toEqual([500, 'api_error']);
});

describe('a request that is wrong', () => {
  test.each([
    ['no JSON', '{"model":', 400, 'invalid_request_error', /not valid JSON/],
    ['an empty body', '', 400, 'invalid_request_error', /JSON/],
    ['a body that is too large', `{"model":"claude-x","pad":"${'x'.repeat(100_001)}"}`, 413, 'request_too_large', /at most 100000/],
    ['no messages', JSON.stringify({ model: 'claude-x', max_tokens: 1 }), 400, 'invalid_request_error', /^messages: /],
    ['no max_tokens', JSON.stringify({ model: 'claude-x', messages: [QUESTION] }), 400, 'invalid_request_error', /^max_tokens: /],
    ['an unknown model', JSON.stringify({ model: 'no-such', max_tokens: 1, messages: [QUESTION] }), 404, 'not_found_error', /no-such/],
    [
      'too many stop sequences',
      JSON.stringify({ model: 'claude-x', max_tokens: 1, messages: [QUESTION], stop_sequences: [...'abcdefghijklmnopq'] }),
      400,
      'invalid_request_error',
      /^stop_sequences: 17/,
    ],
    [
      'a temperature beyond 1',
      JSON.stringify({ model: 'claude-x', max_tokens: 1, messages: [QUESTION], temperature: 1.5 }),
      400,
      'invalid_request_error',
      /^temperature: /,
    ],
    [
      'a schema that is none',
      JSON.stringify({
        model: 'claude-x',
        max_tokens: 1,
        messages: [QUESTION],
        output_config: { format: { type: 'json_schema', schema: 7 } },
      }),
      400,
      'invalid_request_error',
      /^output_config\.format\.schema: wanted a JSON schema/,
    ],
  ])('%s', async (_, body, status, type, message) => {
    const said = await refused(await raw('/v1/messages', { method: 'POST', body }));
    expect([said.status, said.error.type]).toEqual([status, type]);
    expect(said.error.message).toMatch(message);
  });

  test.each(['/v1/messages/batch', '/v1/messages/x/y', '/v1/messages?beta=true'])('GET %s is not there, in its own words', async (path) => {
    const said = await refused(await raw(path));
    expect([said.status, said.error.type]).toEqual([404, 'not_found_error']);
  });

  test('the SDK throws its own errors', async () => {
    const client = anthropic(daemon);
    const asked = client.messages.create({ model: 'no-such', max_tokens: 1, messages: [QUESTION] });
    await expect(asked).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
      requestID: expect.stringMatching(/^req_/) as string,
    });
    await expect(client.messages.create({ model: 'claude-x', max_tokens: 0, messages: [QUESTION] })).rejects.toMatchObject({ status: 400 });
  });
});

test('a prompt that is too long is said to be in the words that clients look for', async () => {
  const content = 'word '.repeat(9000);
  const counted = (await (await post(daemon, '/v1/messages/count_tokens', { messages: [{ role: 'user', content }] })).json()) as {
    input_tokens: number;
  };
  const said = await refused(await post(daemon, '/v1/messages', { max_tokens: 10, messages: [{ role: 'user', content }] }));
  expect([said.status, said.error]).toEqual([
    400,
    { type: 'invalid_request_error', message: `prompt is too long: ${counted.input_tokens} tokens > 8192 maximum` },
  ]);
});

test('a full queue is a 529 that says when to come again, and a client that goes away makes room', async () => {
  const engine = async () => (await daemon.status()).engine;
  const gone = new AbortController();
  const running = post(daemon, '/v1/messages', { ...STORY, stream: true }, { signal: gone.signal }).then((response) => response.text());
  running.catch(() => undefined);
  await until(engine, (now) => now.running === 1);
  const waiting = [0, 1].map(() => post(daemon, '/v1/messages', STORY, { signal: gone.signal }).catch(() => undefined));
  await until(engine, (now) => now.waiting === 2);
  const said = await refused(await post(daemon, '/v1/messages', STORY));
  expect([said.status, said.error.type]).toEqual([529, 'overloaded_error']);
  expect(Number(said.again)).toBeGreaterThanOrEqual(1);
  gone.abort();
  await Promise.allSettled([running, ...waiting]);
  await until(engine, (now) => now.running === 0 && now.waiting === 0);
});

test('a limit of the key alone is a 429 that says when to come again', async () => {
  const engine = async () => (await daemon.status()).engine;
  const limits = (body: object): Promise<Response> => raw('/v1/admin/scheduler', { method: 'PATCH', body: JSON.stringify(body) });
  expect((await limits({ max_queue: 8, max_queue_per_key: 1 })).status).toBe(200);
  const gone = new AbortController();
  const running = post(daemon, '/v1/messages', STORY, { signal: gone.signal }).catch(() => undefined);
  await until(engine, (now) => now.running === 1);
  const waiting = post(daemon, '/v1/messages', STORY, { signal: gone.signal }).catch(() => undefined);
  await until(engine, (now) => now.waiting === 1);
  const said = await refused(await post(daemon, '/v1/messages', STORY));
  expect([said.status, said.error.type]).toEqual([429, 'rate_limit_error']);
  expect(Number(said.again)).toBeGreaterThanOrEqual(1);
  gone.abort();
  await Promise.allSettled([running, waiting]);
  await until(engine, (now) => now.running === 0 && now.waiting === 0);
  await limits({ max_queue: 1, max_queue_per_key: 0 });
});

test('a deadline in the middle of a stream is an error event, the last there is', async () => {
  const headers = { 'content-type': 'application/json', ...VENDOR, 'x-semantic-timeout-ms': '700' };
  const text = await (await post(daemon, '/v1/messages', { ...STORY, stream: true }, { headers })).text();
  expect(text).toMatch(/event: error\ndata: \{"type":"error","error":\{"type":"timeout_error",.*\n\n$/);
  expect(text).not.toContain('message_stop');
});

describe('what clients ask besides', () => {
  test('whether anybody is there', async () => {
    for (const [method, path] of [
      ['HEAD', '/'],
      ['GET', '/'],
      ['HEAD', '/api/hello'],
      ['GET', '/api/hello'],
    ] as const)
      expect((await raw(path, { method })).status, `${method} ${path}`).toBe(200);
  });

  test('to take their reports, which are not read', async () => {
    const response = await raw('/api/event_logging/batch', { method: 'POST', body: '{"events":[{"event_type":"x"}]}' });
    expect([response.status, await response.json()]).toEqual([200, {}]);
  });

  test('the models, in the shape of their dialect', async () => {
    const page = (await (await raw('/v1/models?limit=1000', { headers: VENDOR })).json()) as { data: object[] };
    const { id } = daemon.summary.model;
    expect(page).toMatchObject({ has_more: false, first_id: id, last_id: id });
    expect(page.data[0]).toMatchObject({ type: 'model', id, display_name: id, created_at: expect.stringMatching(/^\d{4}-.*Z$/) as string });
    const listed = [];
    for await (const model of anthropic(daemon).models.list()) listed.push(model.id);
    expect(listed).toEqual([id]);
    expect((await anthropic(daemon).models.retrieve(id)).max_input_tokens).toBe(8192);
    const unknown = await refused(await raw('/v1/models/nothing', { headers: VENDOR }));
    expect([unknown.status, unknown.error.type]).toEqual([404, 'not_found_error']);
    expect(await (await raw('/v1/models')).json()).toMatchObject({ object: 'list' });
  });

  test('tokens, fourteen requests at once and without max_tokens', async () => {
    const tools = Array.from({ length: 14 }, (_, i) => ({
      name: `tool_${i}`,
      description: 'x '.repeat(i),
      input_schema: { type: 'object' },
    }));
    const counts = await Promise.all(
      tools.map(async (tool) => {
        const response = await post(daemon, '/v1/messages/count_tokens', { messages: [QUESTION], tools: [tool] });
        const body: unknown = await response.json();
        assertValid('ACount', body);
        return (body as { input_tokens: number }).input_tokens;
      }),
    );
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[13]! - counts[0]!).toBeGreaterThan(10);
  });
});
