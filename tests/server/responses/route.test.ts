import { request as httpRequest } from 'node:http';
import type OpenAI from 'openai';
import type { Response as ResponseObject, ResponseCreateParamsNonStreaming } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { readEvents } from './read-events.js';

let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_SERVER_KEEP_ALIVE_SECONDS: '0.02' }); // the SDK has to bear with it anywhere
  client = daemon.openai;
});
afterAll(() => daemon.stop());

const TOO_LONG = 'word '.repeat(9000);
const MODEL = 'gpt-5';
const QUESTION = 'What is the capital of France?';
const WEATHER = {
  type: 'function',
  name: 'weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
  strict: true,
} as const;
const PATCH = { type: 'custom', name: 'apply_patch', description: 'Edits files.' } as const;

function create(body: Partial<ResponseCreateParamsNonStreaming>): Promise<ResponseObject> {
  return client.responses.create({ model: MODEL, temperature: 0, store: false, max_output_tokens: 16, ...body, stream: false });
}

function post(body: object): Promise<Response> {
  return fetch(`${daemon.summary.address}/v1/responses`, { method: 'POST', body: JSON.stringify({ model: MODEL, ...body }) });
}

/** What was said, as the next request says it again. */
function toInput({ output }: ResponseObject): OpenAI.Responses.ResponseInput {
  return output as OpenAI.Responses.ResponseInput; // the SDK's type of an item that was said is wider than of one that may be
}

describe('POST /v1/responses', () => {
  test('answers in English, with the tokens that input_tokens says', async () => {
    const response = await create({ input: QUESTION });
    expect(response.output_text).toMatch(/Paris/);
    expect(response).toMatchObject({
      object: 'response',
      model: 'smollm2-135m-instruct',
      status: 'completed',
      previous_response_id: null,
    });
    const counted = await client.responses.inputTokens.count({ model: MODEL, input: QUESTION });
    expect(response.usage!.input_tokens).toBe(counted.input_tokens);
  });

  test('streams the same answer, and the SDK adds it up', async () => {
    const whole = await create({ input: QUESTION, max_output_tokens: 4 });
    const stream = client.responses.stream({ model: MODEL, temperature: 0, store: false, max_output_tokens: 4, input: QUESTION });
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => void (text += delta));
    const final = await stream.finalResponse();
    expect(final.output_text).toBe(whole.output_text);
    expect(text).toBe(whole.output_text);
    expect(final.status).toBe('incomplete');
    expect(final.incomplete_details).toEqual({ reason: 'max_output_tokens' });
  });

  test('a call that is asked for comes, is answered, and the next turn finds the last prompt', async () => {
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Weather in Bern?' }];
    const asked = { tools: [WEATHER], max_output_tokens: 100 };
    const first = await create({ ...asked, input, tool_choice: { type: 'function', name: 'weather' }, parallel_tool_calls: false });
    const [call] = first.output;
    if (call?.type !== 'function_call') throw new Error(`wanted a call, got ${JSON.stringify(first.output)}`);
    expect(typeof (JSON.parse(call.arguments) as { city: unknown }).city).toBe('string');
    // As clients send it back: without ids, the arguments in their own formatting.
    const { name, call_id } = call;
    input.push({ type: 'function_call', name, call_id, arguments: JSON.stringify(JSON.parse(call.arguments), null, 2) });
    input.push({ type: 'function_call_output', call_id, output: [{ type: 'input_text', text: 'Sunny, 21 degrees.' }] });
    const second = await create({ ...asked, input, tool_choice: 'none', tools: [WEATHER] });
    const third = await create({
      ...asked,
      input: [...input, ...toInput(second), { role: 'user', content: 'Thank you.' }],
      tool_choice: { type: 'function', name: 'weather' },
    });
    expect(third.usage!.input_tokens_details.cached_tokens).toBeGreaterThanOrEqual(0.95 * first.usage!.input_tokens);
  });

  test('a custom tool is called with text', async () => {
    const stream = client.responses.stream({
      model: MODEL,
      store: false,
      max_output_tokens: 60,
      input: 'Write the word hello to the file a.txt.',
      tools: [PATCH],
      tool_choice: { type: 'custom', name: 'apply_patch' },
      parallel_tool_calls: false,
    });
    let text = '';
    stream.on('response.custom_tool_call_input.delta', ({ delta }) => void (text += delta));
    const { output } = await stream.finalResponse();
    expect(output[0]).toMatchObject({ type: 'custom_tool_call', name: 'apply_patch' });
    expect((output[0] as { input: string }).input).toBe(text);
  });

  test('answers with JSON of a schema, which the SDK parses', async () => {
    const schema = { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'], additionalProperties: false };
    const response = await client.responses.parse({
      model: MODEL,
      store: false,
      temperature: 0,
      input: QUESTION,
      text: { format: { type: 'json_schema', name: 'answer', strict: true, schema } },
    });
    expect(response.output_parsed).toEqual({ city: 'Paris' });
  });

  test('log-probabilities come with the text, and add up to those of the whole', async () => {
    const events = await readEvents(
      await post({
        input: QUESTION,
        include: ['message.output_text.logprobs'],
        top_logprobs: 2,
        max_output_tokens: 5,
        stream: true,
        store: false,
      }),
    );
    const deltas = events
      .filter(({ type }) => type === 'response.output_text.delta')
      .flatMap(({ logprobs }) => logprobs as { token: string }[]);
    const done = events.find(({ type }) => type === 'response.output_text.done')!;
    expect(deltas).toEqual(done['logprobs']);
    expect(deltas.map(({ token }) => token).join('')).toBe(done['text']);
    expect(deltas[0]).toMatchObject({ top_logprobs: [{ token: expect.any(String) as string }, {}] });
  });

  test('tells of itself before its first token, with response.in_progress', async () => {
    const input = 'The quick brown fox jumps over the lazy dog. '.repeat(100);
    const events = await readEvents(await post({ input, stream: true, store: false, max_output_tokens: 2 }));
    const first = events.findIndex(({ type }) => type === 'response.output_item.added');
    expect(events.slice(0, first).filter(({ type }) => type === 'response.in_progress').length).toBeGreaterThan(2);
  });

  test.each([
    [{}, 400, 'input', /something to answer/],
    [{ input: [] }, 400, 'input', /something to answer/],
    [{ input: [{ role: 'nobody', content: 'x' }] }, 400, 'input[0].role', /"user", "assistant"/],
    [{ input: [{ type: 'function_call_output', call_id: 'c', output: 'x' }] }, 400, 'input[0].call_id', /no tool call found/],
    [{ input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:,' }] }] }, 400, 'input[0].content[0]', /text only/],
    [{ input: [{ type: 'function_call', call_id: 'c', name: 'f' }] }, 400, 'input[0].arguments', /string/],
    [{ input: [{ content: 'x' }] }, 400, 'input[0]', /type/],
    [{ input: 'x', model: 'no-such' }, 404, 'model', /no-such/],
    [{ input: 'x', tool_choice: 'required' }, 400, 'tool_choice', /tools/],
    [{ input: 'x', tools: [WEATHER], tool_choice: { type: 'function', name: 'no' } }, 400, 'tool_choice.name', /"no"/],
    [{ input: 'x', tools: [WEATHER], tool_choice: { type: 'web_search' } }, 400, 'tool_choice.type', /nobody/],
    [{ input: 'x', tools: [{ type: 'function' }] }, 400, 'tools[0].name', /string/],
    [{ input: 'x', max_output_tokens: 0 }, 400, 'max_output_tokens', /0/],
    [{ input: 'x', conversation: 'conv_1' }, 400, 'conversation', /previous_response_id/],
    [{ input: 'x', text: { format: { type: 'xml' } } }, 400, 'text.format.type', /json_schema/],
    [{ input: TOO_LONG }, 400, 'input', /^prompt is too long: \d+ tokens > 8192 maximum$/],
  ])('refuses what is wrong with request %#', async (body: object, status, param, message) => {
    for (const stream of [false, true]) {
      const response = await post({ ...body, stream });
      expect(response.status).toBe(status);
      const { error } = (await response.json()) as { error: { message: string; param: string | null; type: string } };
      expect(error).toMatchObject({ param, type: 'invalid_request_error' });
      expect(error.message).toMatch(message);
      expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    }
  });

  test('takes items and tools of others without reading them', async () => {
    const response = await create({
      input: [
        { role: 'user', content: QUESTION },
        { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'France' } },
        { type: 'configuration_update', anything: 1 },
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'of another model' },
        { type: 'additional_tools', role: 'developer', tools: [WEATHER] },
      ] as unknown as OpenAI.Responses.ResponseInput,
      tools: [{ type: 'web_search' }],
    });
    expect(response.output_text).not.toBe('');
  });
});

describe('a WebSocket', () => {
  const UPGRADE = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };

  function upgrade(path: string, over: 'tcp' | 'socket'): Promise<{ readonly status: number; readonly upgrade: string | undefined }> {
    const { port, hostname } = new URL(daemon.summary.address);
    const door = over === 'tcp' ? { host: hostname, port } : { socketPath: daemon.summary.socket };
    return new Promise((resolve, reject) => {
      const request = httpRequest({ ...door, path, headers: UPGRADE }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, upgrade: response.headers.upgrade });
      });
      request.on('upgrade', () => reject(new Error('it was upgraded')));
      request.on('error', reject);
      request.end();
    });
  }

  test.each(['tcp', 'socket'] as const)('is refused with 426 on /v1/responses over %s, and like any request elsewhere', async (door) => {
    expect(await upgrade('/v1/responses', door)).toEqual({ status: 426, upgrade: 'HTTP/1.1' });
    expect((await upgrade('/v1/models', door)).status).toBe(200);
    expect((await upgrade('/nowhere', door)).status).toBe(404);
  });

  test('GET /v1/responses without an upgrade is no path', async () => {
    expect((await fetch(`${daemon.summary.address}/v1/responses`)).status).toBe(404);
  });
});
