/** Jobs over HTTP, run by the daemon's own worker and by the commands, against a real engine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobBody, JobDetailBody, JobEventBody, JobListBody, SubmitBody } from '../../../src/client/jobs/job-bodies.js';
import { AgentApi, type ErrorBody } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { STARTER_MODEL } from '../../support/starter-model.js';
import { sseEvents } from '../../support/wire.js';

let daemon: TestDaemon;
let api: AgentApi;
let stranger: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon(['--context', '2048'], { SEMANTIC_JOBS_BACKOFF_SECONDS: '0.05' });
  api = new AgentApi(daemon, { authorization: 'Bearer sk-one' });
  stranger = new AgentApi(daemon, { authorization: 'Bearer sk-two' });
});
afterAll(() => daemon.stop());

const chat = (content: string, changed: object = {}): Record<string, unknown> => ({
  model: STARTER_MODEL,
  messages: [{ role: 'user', content }],
  max_tokens: 4,
  temperature: 0,
  ...changed,
});
const wanted = (changed: Partial<SubmitBody> = {}): SubmitBody => ({ endpoint: '/v1/chat/completions', body: chat('Hi'), ...changed });
const submit = async (changed: Partial<SubmitBody> = {}): Promise<JobBody> => {
  const { status, body } = await api.call<JobBody>('POST', '/jobs', wanted(changed));
  if (status !== 201) throw new Error(`wanted 201, got ${status}: ${JSON.stringify(body)}`);
  return body;
};
const show = async (id: string): Promise<JobDetailBody> => (await api.call<JobDetailBody>('GET', `/jobs/${id}`)).body;
const over = (id: string): Promise<JobDetailBody> =>
  until(
    () => show(id),
    ({ state }) => state !== 'queued' && state !== 'running',
  );

/** Over the daemon's socket, as workers ask. */
async function own<T>(path: string, json: object, headers: Record<string, string> = {}): Promise<{ status: number; body: T }> {
  const http = new Client('http://localhost', { socketPath: daemon.summary.socket });
  try {
    const answer = await http.request({ method: 'POST', path: `/v1${path}`, body: JSON.stringify(json), headers });
    return { status: answer.statusCode, body: (await answer.body.json()) as T };
  } finally {
    await http.close();
  }
}

describe('a job', () => {
  test.each([
    ['/v1/chat/completions', chat('Hi'), 'chat.completion'],
    ['/v1/completions', { model: STARTER_MODEL, prompt: 'Once', max_tokens: 3 }, 'text_completion'],
    ['/v1/responses', { model: 'gpt-5', input: 'Hi', max_output_tokens: 3 }, 'response'],
  ] as const)('of %s is run by the daemon without anybody else, and has the answer of the route', async (endpoint, body, object) => {
    const made = await submit({ endpoint, body });
    expect(made).toMatchObject({ object: 'job', state: 'queued', endpoint, attempts: 0, max_attempts: 3, class: 'batch', error: null });
    const job = await over(made.id);
    expect(job).toMatchObject({ state: 'succeeded', attempts: 1, worker: 'daemon', body, result: { status: 200, body: { object } } });
    expect(job.engine_ms).toBeGreaterThan(0);
    expect(job.run_ms).toBeGreaterThanOrEqual(Math.floor(job.engine_ms!));
  });

  test('of /v1/messages has the answer that the route gives at once', async () => {
    const body = chat('Name a colour.');
    const job = await over((await submit({ endpoint: '/v1/messages', body })).id);
    const direct = (await api.call<{ content: unknown }>('POST', '/messages', body)).body;
    expect((job.result!.body as { content: unknown }).content).toEqual(direct.content);
  });

  test('is of the key that made it: its stored response too, and another key finds neither', async () => {
    const { id } = await submit({ endpoint: '/v1/responses', body: { model: 'gpt-5', input: 'Hi', max_output_tokens: 3 } });
    const response = (await over(id)).result!.body as { id: string };
    expect((await api.call('GET', `/responses/${response.id}`)).status).toBe(200);
    expect((await stranger.call('GET', `/responses/${response.id}`)).status).toBe(404);
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['GET', '/events'],
    ] as const) {
      const answer = await stranger.call<ErrorBody>(method, `/jobs/${id}${path}`);
      expect([path, answer.status, answer.body.error.code]).toEqual([path, 404, 'job_not_found']);
    }
    const lease = await stranger.call<ErrorBody>('POST', `/jobs/${id}/complete`, { lease: 'x', status: 200, body: {} });
    expect(lease.status).toBe(404);
    expect((await stranger.call<JobListBody>('GET', '/jobs')).body).toMatchObject({ data: [], has_more: false, tally: { succeeded: 0 } });
    expect((await api.call<JobListBody>('GET', '/jobs?limit=1')).body).toMatchObject({ data: [{ id }], has_more: true });
  });

  test('is one under its idempotency key, in the body or the header, and another request under it is a 409', async () => {
    const first = await submit({ idempotency_key: 'k 1' });
    const again = await api.call<JobBody>('POST', '/jobs', { idempotency_key: 'k 1', ...wanted() });
    expect([again.status, again.body.id]).toEqual([200, first.id]);
    const inHeader = new AgentApi(daemon, { authorization: 'Bearer sk-one', 'idempotency-key': 'k 1' });
    expect((await inHeader.call<JobBody>('POST', '/jobs', wanted())).body.id).toBe(first.id);
    const other = await api.call<ErrorBody>('POST', '/jobs', wanted({ idempotency_key: 'k 1', body: chat('Other') }));
    expect([other.status, other.body.error.code, other.body.error.param]).toEqual([409, 'job_conflict', 'idempotency_key']);
    expect((await stranger.call('POST', '/jobs', wanted({ idempotency_key: 'k 1', body: chat('Other') }))).status).toBe(201);
  });

  test('tells what happens to it, from the start or from where its reader was, and ends', async () => {
    const { id } = await submit();
    const read = async (query = '', headers = {}): Promise<JobEventBody[]> => {
      const reader = new AgentApi(daemon, { authorization: 'Bearer sk-one', ...headers });
      const text = await (await reader.fetch('GET', `/jobs/${id}/events${query}`)).text();
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
      return sseEvents(text).map(({ data }) => data as unknown as JobEventBody);
    };
    const events = await read();
    expect(events.map(({ type }) => type)).toEqual(['queued', 'running', 'measured', 'succeeded']);
    expect(events.map(({ topic }) => topic)).toEqual(['slm.requests', 'slm.metrics', 'slm.metrics', 'slm.responses']);
    expect(await read(`?starting_after=${events[1]!.offset}`)).toEqual(events.slice(2));
    expect(await read('', { 'last-event-id': String(events[2]!.offset) })).toEqual(events.slice(3));
  });

  test('that no attempt would change fails at once, with the answer of the route', async () => {
    const { id } = await submit({ body: chat('Hi', { model: 'no-such-model' }) });
    expect(await over(id)).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: 'model_not_found' },
      result: { status: 404, body: { error: { code: 'model_not_found' } } },
    });
    const again = await api.call<JobBody>('POST', `/jobs/${id}/retry`);
    expect([again.status, again.body.state, again.body.attempts]).toEqual([200, 'queued', 0]);
    expect(await over(id)).toMatchObject({ state: 'failed', attempts: 1 });
  });

  test('that runs is cancelled: its request ends, and what is next has its turn', async () => {
    const long = await submit({ body: chat('Tell me a story.', { max_tokens: 1_900, ignore_eos: true }) });
    await until(
      async () => (await daemon.status()).engine.running,
      (running) => running === 1,
    );
    expect((await api.call<JobBody>('POST', `/jobs/${long.id}/cancel`)).body.state).toBe('cancelled');
    await over((await submit()).id);
    expect(await show(long.id)).toMatchObject({ state: 'cancelled', result: null });
    const again = await api.call<ErrorBody>('POST', `/jobs/${(await over((await submit()).id)).id}/cancel`);
    expect([again.status, again.body.error.code]).toEqual([409, 'job_conflict']);
  });

  test('whose deadline goes by is expired', async () => {
    const long = await submit({
      body: chat('Tell me a story.', { max_tokens: 1_900, ignore_eos: true }),
      deadline: Date.now() / 1000 + 0.3,
    });
    expect(await over(long.id)).toMatchObject({ state: 'expired', error: { code: 'deadline_exceeded' } });
  });

  test.each([
    ['no endpoint', { body: {} }, 'endpoint'],
    ['an endpoint that is none', { endpoint: '/v1/models', body: {} }, 'endpoint'],
    ['no body', { endpoint: '/v1/messages' }, 'body'],
    ['a body that the endpoint refuses', wanted({ body: chat('Hi', { temperature: 9 }) }), 'body.temperature'],
    ['a stream', wanted({ body: chat('Hi', { stream: true }) }), 'body.stream'],
    ['a response in the background', { endpoint: '/v1/responses', body: { model: 'x', input: 'Hi', background: true } }, 'body.background'],
    ['a priority that is too high', wanted({ priority: 101 }), 'priority'],
    ['a deadline that has gone by', wanted({ deadline: 1 }), 'deadline'],
    ['no attempt', wanted({ max_attempts: 0 }), 'max_attempts'],
    ['an empty key', wanted({ idempotency_key: '' }), 'idempotency_key'],
    ['a webhook elsewhere', wanted({ webhook: 'http://example.com/' }), 'webhook'],
    ['a webhook that only looks like here', wanted({ webhook: 'http://127.0.0.1.example.com/' }), 'webhook'],
    ['a webhook that is no address', wanted({ webhook: 'localhost' }), 'webhook'],
    ['a webhook with a password', wanted({ webhook: 'http://a:b@localhost/' }), 'webhook'],
    ['a webhook of another scheme', wanted({ webhook: 'file:///etc/passwd' }), 'webhook'],
    ['a field that is not there', { ...wanted(), retries: 3 }, 'retries'],
  ])('with %s is a 400 that names it', async (_, body, param) => {
    const answer = await api.call<ErrorBody>('POST', '/jobs', body);
    expect([answer.status, answer.body.error.code, answer.body.error.param]).toEqual([400, 'invalid_request', param]);
  });

  test.each(['state=done', 'limit=0', 'limit=9999'])('a list with %s is a 400', async (query) => {
    expect((await api.call('GET', `/jobs?${query}`)).status).toBe(400);
  });
});

describe('POST /v1/infer/sync', () => {
  const infer = (changed: object = {}): Promise<Response> => api.fetch('POST', '/infer/sync', { ...wanted(), ...changed });

  test('answers as the endpoint does, and names the job', async () => {
    const response = await infer({ body: chat('Name a colour.') });
    const direct = (await api.call<{ choices: unknown }>('POST', '/chat/completions', chat('Name a colour.'))).body;
    expect(response.status).toBe(200);
    expect(((await response.json()) as { choices: unknown }).choices).toEqual(direct.choices);
    expect(await show(response.headers.get('x-semantic-job')!)).toMatchObject({ state: 'succeeded', class: 'interactive', priority: 50 });
  });

  test('answers with the status of the endpoint, and with 408 when the deadline goes by', async () => {
    const missing = await infer({ body: chat('Hi', { model: 'no-such-model' }) });
    expect([missing.status, ((await missing.json()) as ErrorBody).error.code]).toEqual([404, 'model_not_found']);
    const late = await infer({ body: chat('Story', { max_tokens: 1_900, ignore_eos: true }), deadline: Date.now() / 1000 + 0.3 });
    expect([late.status, ((await late.json()) as ErrorBody).error.code]).toEqual([408, 'deadline_exceeded']);
    expect((await infer({ webhook: 'http://localhost/' })).status).toBe(400);
  });

  test('ends the job of a client that goes away, but not one that has a key to ask again with', async () => {
    const long = chat('Tell me a story.', { max_tokens: 1_900, ignore_eos: true });
    const leave = async (changed: object): Promise<JobBody> => {
      const gone = new AbortController();
      const asked = api.fetch('POST', '/infer/sync', { ...wanted({ body: long }), ...changed }, gone.signal);
      await until(
        async () => (await daemon.status()).engine.running,
        (running) => running === 1,
      );
      gone.abort();
      await expect(asked).rejects.toThrow('aborted');
      return (await api.call<JobListBody>('GET', '/jobs?limit=1')).body.data[0]!;
    };
    const left = await leave({});
    expect((await over(left.id)).state).toBe('cancelled');
    const kept = await leave({ idempotency_key: 'again' });
    expect((await show(kept.id)).state).toBe('running');
    await api.call('POST', `/jobs/${kept.id}/cancel`);
  });
});

describe('a webhook', () => {
  let server: Server;
  const told: { path: string; body: { type: string; job: JobBody } }[] = [];
  let refusals = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (data: Buffer) => (text += data.toString()));
      request.on('end', () => {
        if (request.url === '/moved') return response.writeHead(302, { location: '/elsewhere' }).end();
        if (refusals > 0) {
          refusals -= 1;
          return response.writeHead(500).end();
        }
        told.push({ path: request.url!, body: JSON.parse(text) as (typeof told)[number]['body'] });
        return response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());
  const address = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

  test('is told that the job is over, again where it was not heard, without the prompt and the answer', async () => {
    refusals = 1;
    const { id } = await submit({ webhook: address('/done') });
    await until(
      () => told.length,
      (count) => count > 0,
    );
    expect(told).toEqual([
      { path: '/done', body: { type: 'job.succeeded', job: expect.objectContaining({ id, state: 'succeeded' }) as unknown } },
    ]);
    expect(Object.keys(told[0]!.body.job)).not.toContain('result');
    expect(Object.keys(told[0]!.body.job)).not.toContain('body');
  });

  test('that leads elsewhere is not followed', async () => {
    const { id } = await submit({ webhook: address('/moved') });
    await over(id);
    await over((await submit({ webhook: address('/after') })).id);
    await until(
      () => told.map(({ path }) => path),
      (paths) => paths.includes('/after'),
    );
    expect(told.map(({ path }) => path)).not.toContain('/elsewhere');
  });
});

describe('what workers ask', () => {
  test('is refused where it makes no sense', async () => {
    const { id } = await submit();
    await over(id);
    const refused: [string, object, number, string][] = [
      [`/jobs/${id}/renew`, { lease: 'x' }, 409, 'lease_lost'],
      [`/jobs/${id}/complete`, { lease: 'x', status: 200, body: {} }, 409, 'lease_lost'],
      [`/jobs/${id}/fail`, { lease: 'x', error: { code: 'a', message: 'b' } }, 409, 'lease_lost'],
      ['/jobs/job_0/renew', { lease: 'x' }, 404, 'job_not_found'],
      [`/jobs/${id}/complete`, { lease: 'x', status: 400, body: {} }, 400, 'invalid_request'],
      [`/jobs/${id}/complete`, { lease: 'x', status: 200 }, 400, 'invalid_request'],
      ['/jobs/lease', { worker: 'a b' }, 400, 'invalid_request'],
      ['/jobs/lease', { worker: 'daemon' }, 400, 'invalid_request'],
      ['/jobs/lease', { worker: 'w', count: 0 }, 400, 'invalid_request'],
    ];
    for (const [path, json, status, code] of refused) {
      const answer = await own<ErrorBody>(path, json);
      expect([path, answer.status, answer.body.error.code]).toEqual([path, status, code]);
    }
  });

  test('on behalf of a scope is believed over the socket alone', async () => {
    const { id } = await submit();
    await over(id);
    const liar = new AgentApi(daemon, { authorization: 'Bearer sk-two', 'x-semantic-scope': 'local' });
    expect((await liar.call('GET', `/jobs/${id}`)).status).toBe(404);
    expect((await own<ErrorBody>(`/jobs/${id}/cancel`, {}, { 'x-semantic-scope': 'local' })).status).toBe(404);
    expect((await own<ErrorBody>(`/jobs/${id}/cancel`, {})).status).toBe(409);
  });
});
