/** Every request that real clients of the Messages API were recorded to send, on a real daemon. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { shape } from '../../support/shape.js';
import { assertValid, golden, recordedRequests, type RecordedRequest } from '../../support/wire.js';
import { accumulate, eventsOf, type Message, promptTokens } from './messages-api.js';

const CONTEXT = 8192;
/** Some were recorded with names that nobody serves. */
const MODEL = 'claude-opus-5-5';
const recordings = recordedRequests('/v1/messages');

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

function send({ path, headers }: Pick<RecordedRequest, 'path' | 'headers'>, body: object): Promise<Response> {
  const { host: _, connection: __, 'content-length': ___, ...kept } = headers;
  return fetch(`${daemon.summary.address}${path}`, { method: 'POST', headers: kept, body: JSON.stringify({ ...body, model: MODEL }) });
}

async function count(recording: RecordedRequest): Promise<number> {
  const { messages, system, tools, thinking } = recording.body;
  const response = await send({ ...recording, path: '/v1/messages/count_tokens?beta=true' }, { messages, system, tools, thinking });
  const json: unknown = await response.json();
  expect([response.status, json]).toMatchObject([200, {}]);
  assertValid('ACount', json);
  return (json as { input_tokens: number }).input_tokens;
}

test('the recordings are those of Claude Code and of the SDK', () => {
  expect(recordings.map(({ name }) => name.split('/')[0])).toEqual(expect.arrayContaining(['cc-3proc', 'cc-bare-read', 'sdk-a_stream']));
  expect(recordings.length).toBe(16);
});

describe.each(recordings)('$name', (recording) => {
  test('its prompt is rendered and counted', async () => {
    expect(await count(recording)).toBeGreaterThan(10);
  });

  test('it is answered in a stream and at once alike, or told in the words clients know that it is too long', async () => {
    const { max_tokens: asked } = recording.body;
    const bounded = { ...recording.body, max_tokens: asked, temperature: 0 };
    const tokens = await count(recording);
    if (tokens > CONTEXT) {
      const response = await send(recording, bounded);
      const body = (await response.json()) as { error: { type: string; message: string }; request_id: string };
      expect(response.status).toBe(400);
      assertValid('AError', body);
      expect(body.error).toEqual({ type: 'invalid_request_error', message: `prompt is too long: ${tokens} tokens > ${CONTEXT} maximum` });
      expect(response.headers.get('request-id')).toBe(body.request_id);
      return;
    }
    const short = { ...bounded, max_tokens: 24 };
    const streamed = await send(recording, { ...short, stream: true });
    expect(streamed.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const message = accumulate(eventsOf(await streamed.text()));
    const whole = await send(recording, { ...short, stream: false });
    const body = (await whole.json()) as Message;
    assertValid('AMessage', body);
    expect(body.content.map(withoutId)).toEqual(message.content.map(withoutId));
    expect(body.stop_reason).toBe(message.stop_reason);
    expect([promptTokens(body.usage), promptTokens(message.usage)]).toEqual([tokens, tokens]);
  });
});

function withoutId(block: { readonly id?: string }): object {
  return { ...block, id: '' };
}

test('what is asked for beyond the context is cut to it without a word', async () => {
  const recording = recordings.find(({ name }) => name === 'sdk-a_stream/001')!;
  const response = await send(recording, { ...recording.body, tools: [], max_tokens: 128_000, stop_sequences: [' '], stream: false });
  expect(response.status).toBe(200);
});

describe('golden bodies', () => {
  test('a body has every field of the recorded one', async () => {
    const recorded = JSON.parse(golden('anthropic-text.json')) as Record<string, unknown>;
    const response = await send(recordings.at(-1)!, { max_tokens: 2, messages: [{ role: 'user', content: 'Hi' }] });
    expect(shape(await response.json())).toEqual(shape(recorded));
  });

  test('a body with a call has every field of the recorded one', async () => {
    const recorded = JSON.parse(golden('anthropic-tool.json')) as { content: object[] };
    const body = {
      max_tokens: 90,
      temperature: 0,
      messages: [{ role: 'user', content: 'Weather?' }],
      tools: [WEATHER],
      tool_choice: { type: 'any' },
    };
    const answer = (await (await send(recordings.at(-1)!, body)).json()) as { content: object[] };
    expect(shape({ ...answer, content: [] })).toEqual(shape({ ...recorded, content: [] }));
    expect(Object.keys(answer.content[0]!).sort()).toEqual(Object.keys(recorded.content[1]!).sort());
  });

  test('a stream has the recorded events, and each has every field of the recorded one', async () => {
    const body = {
      max_tokens: 90,
      temperature: 0,
      messages: [{ role: 'user', content: 'Weather?' }],
      tools: [WEATHER],
      tool_choice: { type: 'any' },
      stream: true,
    };
    const ours = eventsOf(await (await send(recordings.at(-1)!, body)).text());
    const recorded = eventsOf(golden('anthropic-tool.sse'));
    const kinds = (events: readonly Record<string, unknown>[]): string[] => [
      ...new Set(
        events.map((event) => `${String(event['type'])} ${String((event['delta'] as { type?: string } | undefined)?.type ?? '')}`),
      ),
    ];
    const left = kinds(recorded).filter((kind) => !/text_delta|thinking_delta|signature_delta/.test(kind));
    expect(kinds(ours).sort()).toEqual(left.sort());
    accumulate(ours);
    for (const event of ours) {
      const like = recorded.find((other) => kinds([other])[0] === kinds([event])[0] && isSameBlock(event, other));
      expect(Object.keys(event).sort()).toEqual(Object.keys(like!).sort());
      for (const key of ['message', 'delta', 'usage', 'content_block'])
        expect(Object.keys((event[key] as object | undefined) ?? {}).sort()).toEqual(
          Object.keys((like![key] as object | undefined) ?? {}).sort(),
        );
    }
  });
});

const WEATHER = {
  name: 'get_weather',
  input_schema: {
    type: 'object',
    properties: { location: { type: 'string', maxLength: 8 } },
    required: ['location'],
    additionalProperties: false,
  },
};

function isSameBlock(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const kind = (event: Record<string, unknown>): unknown => (event['content_block'] as { type?: string } | undefined)?.type;
  return kind(a) === kind(b);
}
