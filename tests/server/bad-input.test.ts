import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon(['--context', '256'], { SEMANTIC_SERVER_MAX_BODY_BYTES: '10000000' });
});
afterAll(() => daemon.stop());

const messages = [{ role: 'user', content: 'Hi' }];

describe('values', () => {
  test.each([
    ['temperature too high', { temperature: 2.5 }, 'temperature'],
    ['temperature negative', { temperature: -0.1 }, 'temperature'],
    ['temperature as text', { temperature: 'NaN' }, 'temperature'],
    ['top_p of 0', { top_p: 0 }, 'top_p'],
    ['top_p over 1', { top_p: 1.01 }, 'top_p'],
    ['top_k below -1', { top_k: -2 }, 'top_k'],
    ['top_k with a fraction', { top_k: 1.5 }, 'top_k'],
    ['min_p over 1', { min_p: 2 }, 'min_p'],
    ['repetition_penalty of 0', { repetition_penalty: 0 }, 'repetition_penalty'],
    ['frequency_penalty over 2', { frequency_penalty: 3 }, 'frequency_penalty'],
    ['presence_penalty below -2', { presence_penalty: -3 }, 'presence_penalty'],
    ['logit_bias over 100', { logit_bias: { 5: 101 } }, 'logit_bias.5'],
    ['logit_bias of a word', { logit_bias: { hello: 1 } }, 'logit_bias.hello'],
    ['logit_bias outside the vocabulary', { logit_bias: { 99999999: 1 } }, 'logit_bias'],
    ['stop_token_ids outside the vocabulary', { stop_token_ids: [99999999] }, 'stop_token_ids'],
    ['a seed with a fraction', { seed: 1.5 }, 'seed'],
    ['max_tokens of 0', { max_tokens: 0 }, 'max_tokens'],
    ['max_completion_tokens negative', { max_completion_tokens: -1 }, 'max_completion_tokens'],
    ['n of 0', { n: 0 }, 'n'],
    ['n of 129', { n: 129 }, 'n'],
    ['top_logprobs of 21', { logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    ['top_logprobs without logprobs', { top_logprobs: 2 }, 'top_logprobs'],
    ['an empty stop string', { stop: '' }, 'stop'],
    ['too many stop strings', { stop: Array.from({ length: 17 }, (_, i) => `s${i}`) }, 'stop'],
    ['a response_format of no known type', { response_format: { type: 'xml' } }, 'response_format.type'],
    [
      'a json_schema without a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'x' } } },
      'response_format.json_schema.schema',
    ],
    [
      'a schema with a keyword we cannot keep',
      { response_format: { type: 'json_schema', json_schema: { schema: { not: {} } } } },
      'response_format',
    ],
    ['an expression that is none', { guided_regex: '(' }, 'guided_regex'],
    ['a grammar without a root', { guided_grammar: 'a ::= "b"' }, 'guided_grammar'],
    ['two constraints', { response_format: { type: 'json_object' }, guided_regex: 'a' }, 'guided_regex'],
    ['stream as text', { stream: 'yes' }, 'stream'],
    ['no messages', { messages: [] }, 'messages'],
    ['messages as text', { messages: 'Hi' }, 'messages'],
    ['an unknown role', { messages: [{ role: 'robot', content: 'Hi' }] }, 'messages[0].role'],
    ['an image', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }, 'messages[0].content'],
    ['a number as content', { messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
    ['an empty session_id', { session_id: '' }, 'session_id'],
  ])('%s is 400 and names the field', async (_name, body, param) => {
    const response = await daemon.chat({ messages, max_tokens: 1, ...body });
    expect(response.status).toBe(400);
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code: 'invalid_request' },
    });
  });
});

test.each([
  [{ temperature: 2.5 }, 'temperature: Too big: expected number to be <=2, got 2.5'],
  [{ messages: 'Hi' }, 'messages: Invalid input: expected array, got "Hi"'],
  [{ seed: 'x'.repeat(100) }, `seed: Invalid input: expected number, got "${'x'.repeat(59)}...`],
])('the message says what was wanted and what was got: %j', async (body, message) => {
  expect(await errorOf(await daemon.chat({ messages, max_tokens: 1, ...body }))).toMatchObject({ message });
});

const post = (body: string | Buffer) => fetch(`${daemon.summary.address}/v1/chat/completions`, { method: 'POST', body });
interface ErrorFields {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}
const errorOf = async (response: Response) => ({ status: response.status, ...((await response.json()) as { error: ErrorFields }).error });

describe('bodies', () => {
  test('JSON that is none, numbers JSON has not, and no body at all are 400', async () => {
    for (const body of ['{', '{"temperature": NaN}', '', '[1', 'null', '"text"']) {
      expect(await errorOf(await post(body))).toMatchObject({ status: 400, code: 'invalid_request' });
    }
  });

  test('a number too large for JSON to keep is 400', async () => {
    const body = `{"model":"smollm2-135m-instruct","messages":[{"role":"user","content":"Hi"}],"temperature":1e999}`;
    expect(await errorOf(await post(body))).toMatchObject({ status: 400, param: 'temperature' });
  });

  test('arrays and objects too deep in each other are 400, whichever field they are in', async () => {
    for (const levels of [300, 100_000]) {
      for (const field of ['n', 'tools', 'response_format', 'messages', 'anything']) {
        const deep = `${'{"a":['.repeat(levels / 2)}${']}'.repeat(levels / 2)}`;
        const error = await errorOf(await post(`{"model":"smollm2-135m-instruct","max_tokens":1,"${field}":${deep}}`));
        expect(error).toMatchObject({
          status: 400,
          code: 'invalid_request',
          message: expect.stringContaining('more than 256 levels deep'),
        });
      }
    }
  });

  test('invalid UTF-8 is 400, not a replaced character', async () => {
    const body = Buffer.concat([
      Buffer.from('{"model":"smollm2-135m-instruct","messages":[{"role":"user","content":"'),
      Buffer.of(0xff, 0xfe),
      Buffer.from('"}]}'),
    ]);
    expect(await errorOf(await post(body))).toMatchObject({ status: 400, message: 'the request body is not valid UTF-8' });
  });

  test('a body over the limit is 413, one of just under 10 MB is read and its prompt counted', async () => {
    expect(await errorOf(await daemon.chat({ messages: [{ role: 'user', content: 'x'.repeat(10_000_001) }] }))).toMatchObject({
      status: 413,
      code: 'body_too_large',
      message: expect.stringMatching(/ has 100\d+ bytes, at most 10000000 /),
    });
    const long = await errorOf(await daemon.chat({ messages: [{ role: 'user', content: 'word '.repeat(1_990_000) }] }));
    expect(long).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  });

  test('a prompt longer than the context is told in exactly the words clients match', async () => {
    const error = await errorOf(await daemon.chat({ messages: [{ role: 'user', content: 'word '.repeat(400) }], stream: true }));
    expect(error.message).toMatch(/^prompt is too long: 4\d\d tokens > 256 maximum$/);
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded', type: 'invalid_request_error' });
  });
});

describe('names and paths', () => {
  test('another model is 404 with the one that is meant', async () => {
    expect(await errorOf(await daemon.chat({ model: 'smolm2-135m-instruct', messages }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      message: expect.stringContaining('Did you mean smollm2-135m-instruct?'),
    });
    expect(await errorOf(await fetch(`${daemon.summary.address}/v1/models/llama-4`))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  test('another path or method is 404', async () => {
    expect(await errorOf(await fetch(`${daemon.summary.address}/v1/nothing`))).toMatchObject({ status: 404, code: 'route_not_found' });
    expect(await errorOf(await fetch(`${daemon.summary.address}/v1/chat/completions`))).toMatchObject({
      status: 404,
      code: 'route_not_found',
    });
  });
});

test('after all this the daemon answers as before', async () => {
  const response = await daemon.chat({ messages, max_tokens: 2 });
  expect(response.status).toBe(200);
  expect((await daemon.status()).engine).toMatchObject({ waiting: 0, running: 0 });
});
