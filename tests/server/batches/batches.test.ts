/** The vendors' batches, over their own SDKs. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentApi, type ErrorBody } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';

let daemon: TestDaemon;
let anthropic: Anthropic;
let openai: OpenAI;
let stranger: OpenAI;
beforeAll(async () => {
  daemon = await startDaemon(['--context', '2048'], { SEMANTIC_JOBS_WORKERS: '2' });
  const address = daemon.summary.address;
  anthropic = new Anthropic({ baseURL: address, apiKey: 'sk-one', maxRetries: 0 });
  openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: 'sk-one', maxRetries: 0 });
  stranger = new OpenAI({ baseURL: `${address}/v1`, apiKey: 'sk-two', maxRetries: 0 });
});
afterAll(() => daemon.stop());

const MODEL = 'claude-sonnet-4';
const params = (content: string, changed: object = {}) => ({
  model: MODEL,
  max_tokens: 4,
  temperature: 0,
  messages: [{ role: 'user' as const, content }],
  ...changed,
});
const LONG = { max_tokens: 1_900, ignore_eos: true };

async function statusOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return (error as { status?: number }).status;
  }
  throw new Error('it was not refused');
}

describe('Message Batches', () => {
  const ended = (id: string) =>
    until(
      () => anthropic.messages.batches.retrieve(id),
      ({ processing_status: status }) => status === 'ended',
    );

  test('a batch is made, found, listed, and read to its end: answers as at once, refusals in their place', async () => {
    const api = anthropic.messages.batches;
    const made = await api.create({
      requests: [
        { custom_id: 'one', params: params('Name a colour.') },
        { custom_id: 'wrong', params: params('Hi', { temperature: 9 }) },
        { custom_id: 'two', params: params('Name a city.') },
      ],
    });
    expect(made).toMatchObject({ type: 'message_batch', processing_status: 'in_progress', results_url: null, ended_at: null });
    expect(made.request_counts).toEqual({ processing: 3, succeeded: 0, errored: 0, canceled: 0, expired: 0 });
    const over = await ended(made.id);
    expect(over.request_counts).toEqual({ processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 });
    expect(Date.parse(over.ended_at!)).toBeGreaterThanOrEqual(Date.parse(made.created_at));
    const results = new Map<string, unknown>();
    for await (const { custom_id: name, result } of await api.results(made.id)) results.set(name, result);
    const direct = await anthropic.messages.create(params('Name a colour.'));
    expect(results.get('one')).toMatchObject({ type: 'succeeded', message: { content: direct.content, role: 'assistant' } });
    expect(results.get('two')).toMatchObject({ type: 'succeeded' });
    expect(results.get('wrong')).toMatchObject({ type: 'errored', error: { type: 'error', error: { type: 'invalid_request_error' } } });
    const listed: string[] = [];
    for await (const batch of api.list({ limit: 1 })) listed.push(batch.id);
    expect(listed).toEqual([made.id]);
  });

  test('a batch that is cancelled has no result of what had not ended', async () => {
    const api = anthropic.messages.batches;
    const requests = Array.from({ length: 5 }, (_, i) => ({ custom_id: `c${i}`, params: params('Tell me a story.', LONG) }));
    const made = await api.create({ requests });
    expect(await statusOf(api.results(made.id))).not.toBe(200);
    const cancelled = await api.cancel(made.id);
    expect(cancelled.cancel_initiated_at).not.toBeNull();
    const over = await ended(made.id);
    expect(over.request_counts).toMatchObject({ processing: 0, canceled: 5 });
    for await (const { result } of await api.results(made.id)) expect(result).toEqual({ type: 'canceled' });
  });

  test.each([
    ['no requests', { requests: [] }],
    [
      'a name twice',
      {
        requests: [
          { custom_id: 'a', params: {} },
          { custom_id: 'a', params: {} },
        ],
      },
    ],
    ['a name that is none', { requests: [{ custom_id: 'a b', params: {} }] }],
    ['no params', { requests: [{ custom_id: 'a' }] }],
  ])('%s is a 400', async (_, body) => {
    expect(await statusOf(anthropic.messages.batches.create(body as never))).toBe(400);
  });

  test('another key does not find it, and neither does anybody one that is not there', async () => {
    const made = await anthropic.messages.batches.create({ requests: [{ custom_id: 'a', params: params('Hi') }] });
    const other = new Anthropic({ baseURL: daemon.summary.address, apiKey: 'sk-two', maxRetries: 0 });
    expect(await statusOf(other.messages.batches.retrieve(made.id))).toBe(404);
    expect(await statusOf(other.messages.batches.cancel(made.id))).toBe(404);
    expect((await other.messages.batches.list()).data).toEqual([]);
    expect(await statusOf(anthropic.messages.batches.retrieve('msgbatch_0'))).toBe(404);
    await ended(made.id);
  });
});

describe('the Batch API', () => {
  const line = (customId: string, content: string, changed: object = {}): string =>
    JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/chat/completions', body: params(content, changed) });
  const upload = async (text: string, by = openai) =>
    by.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' });
  const create = async (text: string) =>
    openai.batches.create({
      input_file_id: (await upload(text)).id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { night: 'one' },
    });
  const over = (id: string) =>
    until(
      () => openai.batches.retrieve(id),
      ({ status }) => !['in_progress', 'cancelling'].includes(status),
    );
  const lines = async (
    id: string,
  ): Promise<{ custom_id: string; response: { status_code: number; body: unknown } | null; error: unknown }[]> =>
    (await (await openai.files.content(id)).text())
      .split('\n')
      .filter((text) => text !== '')
      .map((text) => JSON.parse(text) as never);

  test('a file is kept as it is, and is not there for another key', async () => {
    const text = `${line('a', 'Hi ä')}\n`;
    const file = await upload(text);
    expect(file).toMatchObject({
      object: 'file',
      purpose: 'batch',
      filename: 'in.jsonl',
      bytes: Buffer.byteLength(text),
      status: 'processed',
    });
    expect(await (await openai.files.content(file.id)).text()).toBe(text);
    expect(await statusOf(stranger.files.retrieve(file.id))).toBe(404);
    expect(await statusOf(stranger.files.content(file.id))).toBe(404);
    expect((await openai.files.list()).data.map(({ id }) => id)).toContain(file.id);
    expect(await openai.files.delete(file.id)).toMatchObject({ deleted: true });
    expect(await statusOf(openai.files.retrieve(file.id))).toBe(404);
  });

  test('a batch is made of a file, and its answers and refusals are files again', async () => {
    const made = await create(`${line('one', 'Name a colour.')}\n\n${line('wrong', 'Hi', { temperature: 9 })}\n`);
    expect(made).toMatchObject({ object: 'batch', status: 'in_progress', endpoint: '/v1/chat/completions', metadata: { night: 'one' } });
    const done = await over(made.id);
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 2, completed: 1, failed: 1 } });
    const direct = await openai.chat.completions.create(params('Name a colour.'));
    expect(await lines(done.output_file_id!)).toMatchObject([
      { custom_id: 'one', error: null, response: { status_code: 200, body: { choices: direct.choices } } },
    ]);
    expect(await lines(done.error_file_id!)).toMatchObject([{ custom_id: 'wrong', response: { status_code: 400 } }]);
    expect(await openai.files.retrieve(done.output_file_id!)).toMatchObject({ purpose: 'batch_output' });
    expect(await statusOf(stranger.files.content(done.output_file_id!))).toBe(404);
    const ids: string[] = [];
    for await (const batch of openai.batches.list({ limit: 1 })) ids.push(batch.id);
    expect(ids).toEqual([made.id]);
  });

  test('a batch is cancelled', async () => {
    const made = await create([1, 2, 3].map((i) => line(`c${i}`, 'Tell me a story.', LONG)).join('\n'));
    await openai.batches.cancel(made.id);
    const done = await over(made.id);
    expect(done).toMatchObject({ status: 'cancelled', request_counts: { total: 3, completed: 0, failed: 3 } });
    expect((await lines(done.error_file_id!)).map(({ error }) => error)).toMatchObject([{}, {}, {}]);
    expect(await statusOf(stranger.batches.retrieve(made.id))).toBe(404);
  });

  test('a file with lines that are none fails as a whole, and says which', async () => {
    const wrong = [
      line('a', 'Hi'),
      'Hi',
      line('a', 'Again'),
      line('b', 'Hi').replace('/v1/chat/completions', '/v1/embeddings'),
      '{"custom_id": "c"}',
    ];
    const made = await create(wrong.join('\n'));
    expect(made.status).toBe('failed');
    expect(made.errors!.data!.map(({ line: at, code }) => [at, code])).toEqual([
      [2, 'invalid_json_line'],
      [3, 'duplicate_custom_id'],
      [4, 'mismatched_url'],
      [5, 'invalid_json_line'],
    ]);
    expect((await create('')).errors!.data![0]!.code).toBe('empty_file');
  });

  test('what is wrong with a request for one is told', async () => {
    const file = (await upload(line('a', 'Hi'))).id;
    const wanted = { input_file_id: file, endpoint: '/v1/chat/completions' as const, completion_window: '24h' as const };
    expect(await statusOf(openai.batches.create({ ...wanted, input_file_id: 'file-0' }))).toBe(404);
    expect(await statusOf(openai.batches.create({ ...wanted, endpoint: '/v1/images/edits' }))).toBe(400);
    expect(await statusOf(openai.batches.create({ ...wanted, completion_window: '1h' as never }))).toBe(400);
    expect(await statusOf(openai.files.create({ file: await toFile(Buffer.from('x'), 'x'), purpose: 'vision' }))).toBe(400);
    const api = new AgentApi(daemon);
    const noForm = await api.call<ErrorBody>('POST', '/files', { purpose: 'batch' });
    expect([noForm.status, noForm.body.error.message]).toEqual([400, expect.stringContaining('wanted multipart/form-data')]);
  });
});
