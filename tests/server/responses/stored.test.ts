/** Responses that are kept, gone on from, made in the background, and read again: over the vendor's own SDK. */
import OpenAI from 'openai';
import type {
  Response as ResponseObject,
  ResponseCreateParamsNonStreaming,
  ResponseStreamEvent,
} from 'openai/resources/responses/responses';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { readEvents } from './read-events.js';

let daemon: TestDaemon;
let client: OpenAI;
let stranger: OpenAI;
beforeAll(async () => {
  daemon = await startDaemon();
  client = daemon.openai;
  stranger = new OpenAI({ baseURL: `${daemon.summary.address}/v1`, apiKey: 'another', maxRetries: 0 });
});
afterAll(() => daemon.stop());

const MODEL = 'gpt-5';
const UNKNOWN = `resp_${'0'.repeat(48)}`;
const WEATHER = {
  type: 'function',
  name: 'weather',
  parameters: { type: 'object', properties: { city: { enum: ['Bern'] } }, required: ['city'], additionalProperties: false },
  strict: true,
} as const;

function create(body: Partial<ResponseCreateParamsNonStreaming>, by = client): Promise<ResponseObject> {
  return by.responses.create({ model: MODEL, temperature: 0, max_output_tokens: 12, ...body, stream: false });
}

async function refusal(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    const { status, code, param } = error;
    return [status, code, param];
  }
  throw new Error('it was not refused');
}

describe('a stored response', () => {
  test('is read again as it was given, is deleted, and is not there for another key', async () => {
    const made = await create({ input: 'Say hello.', metadata: { topic: 'greeting' } });
    expect(made.metadata).toEqual({ topic: 'greeting' });
    expect(await client.responses.retrieve(made.id)).toEqual(made);
    expect(await refusal(stranger.responses.retrieve(made.id))).toEqual([404, 'response_not_found', null]);
    expect(await refusal(stranger.responses.delete(made.id))).toEqual([404, 'response_not_found', null]);
    expect(await refusal(stranger.responses.inputItems.list(made.id))).toEqual([404, 'response_not_found', null]);
    expect(await refusal(stranger.responses.cancel(made.id))).toEqual([404, 'response_not_found', null]);
    expect(await refusal(create({ input: 'Again.', previous_response_id: made.id }, stranger))).toEqual([
      400,
      'previous_response_not_found',
      'previous_response_id',
    ]);
    const deleted = await fetch(`${daemon.summary.address}/v1/responses/${made.id}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer none' },
    });
    expect(await deleted.json()).toEqual({ id: made.id, object: 'response', deleted: true });
    expect(await refusal(client.responses.retrieve(made.id))).toEqual([404, 'response_not_found', null]);
    expect(await refusal(client.responses.delete(made.id))).toEqual([404, 'response_not_found', null]);
  });

  test('is there when its stream says that it is complete', async () => {
    const stream = client.responses.stream({ model: MODEL, input: 'Say hello.', max_output_tokens: 4 });
    const { id } = await stream.finalResponse();
    expect((await client.responses.retrieve(id)).id).toBe(id);
  });

  test('is not kept where store is false', async () => {
    const { id } = await create({ input: 'Say hello.', store: false });
    expect(await refusal(client.responses.retrieve(id))).toEqual([404, 'response_not_found', null]);
  });

  test.each([UNKNOWN, 'resp_1', '../../x', 'x'.repeat(300)])('of an id that is none is not there (%#)', async (id) => {
    const path = encodeURIComponent(id);
    for (const [method, of] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
      ['GET', '/input_items'],
    ] as const) {
      const response = await fetch(`${daemon.summary.address}/v1/responses/${path}${of}`, { method });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', code: 'response_not_found' } });
    }
    expect(await refusal(create({ input: 'x', previous_response_id: id }))).toEqual([
      400,
      'previous_response_not_found',
      'previous_response_id',
    ]);
  });

  test('cannot be cancelled where somebody waited for it', async () => {
    const { id } = await create({ input: 'Say hello.' });
    expect(await refusal(client.responses.cancel(id))).toEqual([400, 'invalid_request', 'id']);
  });

  test('cannot be streamed where it was not made to be', async () => {
    const { id } = await create({ input: 'Say hello.' });
    expect(await refusal(client.responses.retrieve(id, { stream: true }))).toEqual([400, 'invalid_request', 'stream']);
  });
});

describe('previous_response_id', () => {
  test('goes on for three turns with a tool call, each finding the prompt of the one before; and so without a store', async () => {
    const first = await create({
      input: 'What is the weather in Bern?',
      tools: [WEATHER],
      tool_choice: 'required',
      parallel_tool_calls: false,
      max_output_tokens: 60,
    });
    const [call] = first.output;
    if (call?.type !== 'function_call') throw new Error(`wanted a call, got ${JSON.stringify(first.output)}`);
    const result = { type: 'function_call_output', call_id: call.call_id, output: 'Sunny.' } as const;
    const second = await create({ previous_response_id: first.id, input: [result], tools: [WEATHER] });
    const third = await create({ previous_response_id: second.id, input: 'And tomorrow?', tools: [WEATHER] });
    for (const [turn, before] of [
      [second, first],
      [third, second],
    ] as const) {
      const { input_tokens: were } = before.usage!;
      expect(turn.usage!.input_tokens_details.cached_tokens).toBeGreaterThanOrEqual(0.95 * were);
      expect(turn.usage!.input_tokens).toBeGreaterThan(were);
      expect(turn.previous_response_id).toBe(before.id);
    }
    const whole = [
      { role: 'user', content: 'What is the weather in Bern?' },
      ...first.output,
      result,
      ...second.output,
      { role: 'user', content: 'And tomorrow?' },
    ] as OpenAI.Responses.ResponseInput;
    const stateless = await create({ input: whole, tools: [WEATHER], store: false });
    expect(stateless.output_text).toBe(third.output_text);
    expect(stateless.usage!.input_tokens).toBe(third.usage!.input_tokens);
    expect(stateless.usage!.input_tokens_details.cached_tokens).toBeGreaterThanOrEqual(0.95 * third.usage!.input_tokens);

    const listed: string[] = [];
    for await (const item of client.responses.inputItems.list(third.id, { limit: 2, order: 'asc' })) listed.push(item.type);
    expect(listed.filter((type) => type !== 'message')).toEqual(['function_call', 'function_call_output']);
    expect(listed.at(-1)).toBe('message');
    const last = await client.responses.inputItems.list(third.id, { limit: 1 });
    expect(last.data).toMatchObject([{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'And tomorrow?' }] }]);
    expect(last.has_more).toBe(true);

    await client.responses.delete(first.id);
    expect(await refusal(create({ previous_response_id: third.id, input: 'x' }))).toEqual([
      400,
      'previous_response_not_found',
      'previous_response_id',
    ]);
  });

  test('instructions of the response before are not carried over', async () => {
    const first = await create({ input: 'Say hello.', instructions: 'You are a pirate who never says hello but always says ahoy.' });
    const second = await create({ input: 'Say hello.', previous_response_id: first.id });
    expect(second.usage!.input_tokens).toBeLessThan(first.usage!.input_tokens + 30);
    expect(second.instructions).toBeNull();
  });

  test('an item of a stored response can be referred to; any other cannot', async () => {
    const first = await create({ input: 'Say hello.' });
    const [said] = first.output;
    const second = await create({
      input: [
        { type: 'item_reference', id: said!.id! },
        { role: 'user', content: 'Again.' },
      ],
    });
    const [heard] = (await client.responses.inputItems.list(second.id, { order: 'asc' })).data;
    expect(heard).toEqual(said);
    const no = create({
      input: [
        { type: 'item_reference', id: 'msg_1' },
        { role: 'user', content: 'Again.' },
      ],
    });
    expect(await refusal(no)).toEqual([404, 'response_not_found', 'input[0]']);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['order=up', 'order'],
    ['after=no', 'after'],
  ])('input_items refuses %s', async (query, param) => {
    const { id } = await create({ input: 'Say hello.' });
    const response = await fetch(`${daemon.summary.address}/v1/responses/${id}/input_items?${query}`, {
      headers: { authorization: 'Bearer none' },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });
});

describe('background', () => {
  const LONG = { input: 'Count from 1 to 1000, one number per line.', background: true, max_output_tokens: 2000 } as const;

  test('is answered at once, made while nobody waits, and read when it is done', async () => {
    const asked = await create({ input: 'Say hello.', background: true });
    expect(asked).toMatchObject({ status: 'queued', background: true, output: [] });
    const made = await until(
      () => client.responses.retrieve(asked.id),
      ({ status }) => status !== 'queued' && status !== 'in_progress',
    );
    expect(made.output_text).not.toBe('');
    expect(made.usage!.output_tokens).toBeGreaterThan(0);
    const { output_text: _, ...whole } = made;
    expect(await client.responses.cancel(asked.id)).toEqual(whole); // it is over: nothing changes
  });

  test('is cancelled with what it has, and stays so', async () => {
    const { id } = await create(LONG);
    expect(await refusal(stranger.responses.retrieve(id))).toEqual([404, 'response_not_found', null]);
    expect(await refusal(create({ input: 'x', previous_response_id: id }))).toEqual([400, 'invalid_request', 'previous_response_id']);
    await until(
      () => client.responses.retrieve(id),
      ({ output }) => output.length > 0,
    );
    const cancelled = await client.responses.cancel(id);
    expect(cancelled).toMatchObject({ status: 'cancelled', output: [{ type: 'message', status: 'incomplete' }] });
    expect(await client.responses.retrieve(id)).toMatchObject(cancelled);
    await until(
      () => daemon.status(),
      ({ engine }) => engine.running === 0,
    );
  });

  test('deleted while it is made, it ends and is gone', async () => {
    const { id } = await create(LONG);
    await client.responses.delete(id);
    expect(await refusal(client.responses.retrieve(id))).toEqual([404, 'response_not_found', null]);
    await until(
      () => daemon.status(),
      ({ engine }) => engine.running === 0,
    );
  });

  test('a stream of it can be left, and read on from any event, while it is made and after', async () => {
    const events: ResponseStreamEvent[] = [];
    const stream = await client.responses.create({
      model: MODEL,
      input: 'Count to 20.',
      background: true,
      max_output_tokens: 60,
      stream: true,
    });
    for await (const event of stream) {
      events.push(event);
      if (event.type === 'response.output_text.delta') break; // the client goes away
    }
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual(['response.created', 'response.queued', 'response.in_progress']);
    const { id } = (events[0] as { response: ResponseObject }).response;
    const after = events.at(-1)!.sequence_number;
    const rest: ResponseStreamEvent[] = [];
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: after })) rest.push(event);
    const all = [...events, ...rest];
    expect(all.map(({ sequence_number: number }) => number)).toEqual(all.map((_, i) => i));
    const end = rest.at(-1) as { response: ResponseObject };
    const again = await readEvents(
      await fetch(`${daemon.summary.address}/v1/responses/${id}?stream=true`, { headers: { authorization: 'Bearer none' } }),
    );
    expect(again).toEqual(all);
    expect(await client.responses.retrieve(id)).toMatchObject({ id, output: end.response.output, status: end.response.status });
  });

  test('has to be kept, and says at once what is wrong with a request', async () => {
    expect(await refusal(create({ input: 'x', background: true, store: false }))).toEqual([400, 'invalid_request', 'store']);
    expect(await refusal(create({ input: 'word '.repeat(9000), background: true }))).toEqual([400, 'context_length_exceeded', 'input']);
  });
});

describe('a daemon that ends', () => {
  test('leaves what was stored to the next one, and says of what it was making that it failed', async () => {
    const first = await startDaemon([], { SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '0' });
    const made = await create({ input: 'Say hello.' }, first.openai);
    const long = { input: 'Count from 1 to 1000, one number per line.', max_output_tokens: 4000 };
    const inBackground = await create({ ...long, background: true }, first.openai);
    const killed = await create({ ...long, background: true }, first.openai);
    const cut = first.openai.responses.stream({ model: MODEL, ...long });
    const types: string[] = [];
    cut.on('event', ({ type }) => {
      if (types.push(type) === 8) first.signal('SIGTERM');
    });
    const end = await cut.finalResponse();
    expect(types.at(-1)).toBe('response.failed');
    expect(end).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
    await first.ended();

    const second = await startDaemon([], { SEMANTIC_HOME: first.home });
    try {
      expect(await second.openai.responses.retrieve(made.id)).toEqual(made);
      expect((await create({ input: 'Again.', previous_response_id: made.id }, second.openai)).previous_response_id).toBe(made.id);
      for (const { id } of [inBackground, killed]) {
        expect(await second.openai.responses.retrieve(id)).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
      }
      const third = await create({ ...long, background: true }, second.openai);
      await until(
        () => second.openai.responses.retrieve(third.id),
        ({ status }) => status === 'in_progress',
      );
      second.signal('SIGKILL');
      await second.ended();
      const last = await startDaemon([], { SEMANTIC_HOME: first.home });
      try {
        expect(await last.openai.responses.retrieve(third.id)).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
      } finally {
        await last.stop();
      }
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});
