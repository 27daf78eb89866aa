import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const QUESTION = { role: 'user', content: 'What is the capital of France?' };
const WEATHER = {
  name: 'weather',
  description: 'Tells the weather.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
};

function post(path: string, body: object): Promise<Response> {
  return fetch(`${daemon.summary.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', ...body }),
  });
}

describe('POST /v1/messages', () => {
  test('answers in English, with the tokens that count_tokens says', async () => {
    const answer = (await (await post('/v1/messages', { max_tokens: 12, temperature: 0, messages: [QUESTION] })).json()) as Answer;
    expect(answer.content[0]?.text).toMatch(/Paris/);
    const { usage } = answer;
    const counted = (await (await post('/v1/messages/count_tokens', { messages: [QUESTION] })).json()) as { input_tokens: number };
    expect(usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens).toBe(counted.input_tokens);
  });

  test('gives a client that asks for more tokens than the context has what there is', async () => {
    const answer = await post('/v1/messages', { max_tokens: 32_000, messages: [QUESTION], stop_sequences: ['.'] });
    expect(await answer.json()).toMatchObject({ stop_reason: expect.stringMatching(/end_turn|stop_sequence/) as unknown });
  });

  test('goes on from a last message of the assistant', async () => {
    const messages = [QUESTION, { role: 'assistant', content: 'The capital of France is' }];
    const answer = (await (await post('/v1/messages', { max_tokens: 3, temperature: 0, messages })).json()) as Answer;
    expect(answer.content[0]?.text).toMatch(/^ Paris/);
  });

  test('a call that is asked for comes, with arguments that fit its schema', async () => {
    const response = await post('/v1/messages', {
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Weather in Bern?' }],
      tools: [WEATHER],
      tool_choice: { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
    });
    const answer = (await response.json()) as Answer;
    expect(answer).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', name: 'weather' }] });
    expect(typeof answer.content[0]?.input?.['city']).toBe('string');
  });

  test.each([
    [{ messages: [], max_tokens: 1 }, 400, 'invalid_request_error', /messages/],
    [{ model: 'no-such', max_tokens: 1, messages: [QUESTION] }, 404, 'not_found_error', /no-such/],
    [{ max_tokens: 1, messages: [QUESTION], tool_choice: { type: 'any' } }, 400, 'invalid_request_error', /tool_choice/],
  ])('refuses %j with %i', async (body, status, type, message) => {
    const response = await post('/v1/messages', body);
    expect(response.status).toBe(status);
    const refused = (await response.json()) as { error: { message: string }; request_id: string };
    expect(refused).toMatchObject({ type: 'error', error: { type } });
    expect(refused.error.message).toMatch(message);
    expect(response.headers.get('request-id')).toBe(refused.request_id);
  });
});

interface Answer {
  readonly content: readonly { readonly type: string; readonly text?: string; readonly input?: Readonly<Record<string, unknown>> }[];
  readonly usage: {
    readonly input_tokens: number;
    readonly cache_creation_input_tokens: number;
    readonly cache_read_input_tokens: number;
  };
}
