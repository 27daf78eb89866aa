import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { addKey, type KeyLimits } from '../../../src/adapters/keys/add-key.js';
import { KeyRing } from '../../../src/adapters/keys/key-ring.js';
import type { RateLimits } from '../../../src/core/domain/rate-limits.js';
import { ConnectionLimit } from '../../../src/server/doors/connection-limit.js';
import { guardDoors } from '../../../src/server/doors/guard.js';
import { KeyRates } from '../../../src/server/doors/key-rates.js';
import { duration, RATE_HEADERS } from '../../../src/server/doors/rate-headers.js';
import { replyWithError } from '../../../src/server/error-reply.js';
import { health } from '../../../src/server/health.js';
import { parseJsonBodies } from '../../../src/server/json-body.js';
import type { Listeners } from '../../../src/server/listeners.js';
import { replyWithMessagesError } from '../../../src/server/messages/errors.js';
import { metrics } from '../../../src/server/metrics.js';
import { closeHere, listenHere } from '../../support/listen-here.js';

interface Opened {
  readonly doors: Listeners;
  readonly rates: KeyRates;
  readonly clock: { now: number };
  readonly refused: () => number;
  add(name: string, limits?: KeyLimits): Promise<string>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The guard before routes that cost nothing but what is said, with a clock that stands still, on real sockets. */
async function open(limits: Partial<RateLimits>, keysRequired = false): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
  const keys = join(folder, 'keys.json');
  const clock = { now: 1_000 };
  let refused = 0;
  const rates = new KeyRates({
    limits: { requestsPerMinute: 0, tokensPerMinute: 0, ...limits },
    refused: () => (refused += 1),
    now: () => clock.now,
  });
  const connections = new ConnectionLimit(64);
  const app: FastifyInstance = Fastify();
  parseJsonBodies(app, 1_000);
  const ring = new KeyRing(keys, () => undefined);
  guardDoors(app, { host: '127.0.0.1', allowedHosts: [], corsOrigins: ['http://a.example'], keysRequired, keys: ring, rates, connections });
  app.setErrorHandler((error, request, reply) =>
    request.url.startsWith('/v1/messages') ? replyWithMessagesError(error, request, reply) : replyWithError(error, request, reply),
  );
  health(app, { state: () => 'ready', audit: () => null });
  metrics(app, { page: () => Promise.resolve({ contentType: 'text/plain', text: '{}' }) }, false);
  for (const path of ['/v1/chat/completions', '/v1/messages']) {
    app.post<{ Body: { cost?: number } }>(path, (request) => {
      request.chargeTokens?.(request.body.cost ?? 0);
      return { limited: request.chargeTokens !== undefined };
    });
  }
  await app.ready();
  const doors = await listenHere(app, join(folder, 's.sock'), { connections });
  closing.push(async () => {
    await closeHere(app, doors);
    rmSync(folder, { recursive: true, force: true });
  });
  const add = async (name: string, own: KeyLimits = {}): Promise<string> => (await addKey(keys, name, own)).key;
  return { doors, rates, clock, refused: () => refused, add };
}

interface Reply {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Asking {
  readonly key?: string;
  readonly path?: string;
  readonly cost?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly overSocket?: boolean;
}

function ask({ doors }: Opened, { key, path = '/v1/chat/completions', cost = 0, headers = {}, ...more }: Asking = {}): Promise<Reply> {
  const { method = 'POST', body = method === 'POST' ? JSON.stringify({ cost }) : '', overSocket = false } = more;
  const { hostname, port } = new URL(doors.address);
  const where = overSocket ? { socketPath: doors.socket } : { host: hostname, port };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { ...where, path, method, agent: false, headers: { ...(key === undefined ? {} : { 'x-api-key': key }), ...headers } },
      (response) => {
        const headersOf = response.headers as Record<string, string>;
        const answered = (said: unknown): void => resolve({ status: response.statusCode, headers: headersOf, body: said });
        json(response).then(answered, () => answered(null));
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

const limitHeaders = ({ headers }: Reply): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => RATE_HEADERS.includes(name)));

describe('requests of a minute', () => {
  test('one more than there may be is 429 and says when to come again; who comes then is answered', async () => {
    const opened = await open({ requestsPerMinute: 3 });
    const key = await opened.add('laptop');
    const replies = [await ask(opened, { key }), await ask(opened, { key }), await ask(opened, { key })];
    expect(replies.map(({ status, headers }) => [status, headers['x-ratelimit-remaining-requests']])).toEqual([
      [200, '2'],
      [200, '1'],
      [200, '0'],
    ]);
    expect(limitHeaders(replies[0]!)).toEqual({
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '2',
      'x-ratelimit-reset-requests': '20s',
    });
    const refused = await ask(opened, { key });
    expect([refused.status, refused.headers['retry-after'], opened.refused()]).toEqual([429, '20', 1]);
    expect(refused.body).toEqual({
      error: {
        message: 'the API key laptop has used the 3 requests of a minute Try again in 20 s.',
        type: 'rate_limit_error',
        param: null,
        code: 'rate_limited',
      },
    });
    expect(limitHeaders(refused)).toMatchObject({ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1m0s' });
    opened.clock.now += 19_000;
    expect((await ask(opened, { key })).headers['retry-after']).toBe('1');
    opened.clock.now += 1_000;
    expect([(await ask(opened, { key })).status, (await ask(opened, { key })).status]).toEqual([200, 429]);
  });

  test('each key has its own, one with limits of its own those; all who show none on file share one', async () => {
    const opened = await open({ requestsPerMinute: 1 });
    const keys = [await opened.add('a'), await opened.add('b', { requestsPerMinute: 2 }), await opened.add('c', { requestsPerMinute: 0 })];
    const statuses = async (key?: string) => {
      const replies = [];
      for (let i = 0; i < 3; i++) replies.push((await ask(opened, key === undefined ? {} : { key })).status);
      return replies;
    };
    expect(await Promise.all(keys.map(statuses))).toEqual([
      [200, 429, 429],
      [200, 200, 429],
      [200, 200, 200],
    ]);
    expect([await statuses(), await statuses('sk-made-up'), await statuses('sk-another')]).toEqual([
      [200, 429, 429],
      [429, 429, 429],
      [429, 429, 429],
    ]);
  });

  test('where keys are needed who has none is 401, and uses up nothing', async () => {
    const opened = await open({ requestsPerMinute: 1 }, true);
    const key = await opened.add('laptop');
    expect([(await ask(opened)).status, (await ask(opened)).status, (await ask(opened, { key })).status]).toEqual([401, 401, 200]);
  });

  test('it is refused before its body is read, and hears why all the same', async () => {
    const opened = await open({ requestsPerMinute: 1 });
    await ask(opened);
    expect((await ask(opened, { body: 'x'.repeat(9_000_000) })).status).toBe(429); // not 413
  });

  test('paths that are not there count too; health, metrics and preflights do not', async () => {
    const opened = await open({ requestsPerMinute: 1 });
    for (const path of ['/health/live', '/health/ready', '/health/startup', '/metrics']) {
      const reply = await ask(opened, { path, method: 'GET' });
      expect([path, reply.status, limitHeaders(reply)]).toEqual([path, 200, {}]);
    }
    const headers = { origin: 'http://a.example', 'access-control-request-method': 'POST' };
    expect((await ask(opened, { method: 'OPTIONS', headers })).status).toBe(204);
    expect((await ask(opened, { path: '/nothing', method: 'GET' })).status).toBe(404);
    expect((await ask(opened, { path: '/nothing', method: 'GET' })).status).toBe(429);
    expect((await ask(opened, { path: '/health/live', method: 'GET' })).status).toBe(200);
  });

  test('the Unix socket is not limited, but for a key on file that is shown there', async () => {
    const opened = await open({ requestsPerMinute: 1 });
    const key = await opened.add('laptop');
    const statuses = async (given: Asking) => [
      (await ask(opened, { ...given, overSocket: true })).status,
      (await ask(opened, { ...given, overSocket: true })).status,
    ];
    expect([await statuses({}), await statuses({ key: 'sk-made-up' }), await statuses({ key })]).toEqual([
      [200, 200],
      [200, 200],
      [200, 429],
    ]);
  });
});

describe('tokens of a minute', () => {
  test('are charged when they are known: who is over is refused at the next request, for as long as that takes', async () => {
    const opened = await open({ tokensPerMinute: 600 });
    const key = await opened.add('laptop');
    const first = await ask(opened, { key, cost: 900 });
    expect([first.status, limitHeaders(first)]).toEqual([
      200,
      { 'x-ratelimit-limit-tokens': '600', 'x-ratelimit-remaining-tokens': '600', 'x-ratelimit-reset-tokens': '0ms' },
    ]);
    const refused = await ask(opened, { key });
    expect([refused.status, refused.headers['retry-after'], refused.body]).toEqual([
      429,
      '31',
      { error: expect.objectContaining({ message: expect.stringContaining('600 tokens'), code: 'rate_limited' }) },
    ]);
    expect(refused.headers['x-ratelimit-reset-tokens']).toBe('1m30s');
    opened.clock.now += 31_000;
    const again = await ask(opened, { key });
    expect([again.status, again.headers['x-ratelimit-remaining-tokens']]).toEqual([200, '10']);
  });

  test('a request that is refused for them uses up none of the requests', async () => {
    const opened = await open({ requestsPerMinute: 2, tokensPerMinute: 600 });
    expect((await ask(opened, { cost: 700 })).status).toBe(200);
    for (let i = 0; i < 3; i++) {
      const refused = await ask(opened);
      expect([refused.status, refused.headers['x-ratelimit-remaining-requests']]).toEqual([429, '1']);
    }
    opened.clock.now += 30_000;
    expect((await ask(opened)).status).toBe(200);
  });
});

test('a client of the Messages API is told in its own headers and errors', async () => {
  const opened = await open({ requestsPerMinute: 1, tokensPerMinute: 1_000 });
  const before = Math.floor(Date.now() / 1000) * 1000;
  const reply = await ask(opened, { path: '/v1/messages', cost: 2_000 });
  expect(limitHeaders(reply)).toEqual({
    'anthropic-ratelimit-requests-limit': '1',
    'anthropic-ratelimit-requests-remaining': '0',
    'anthropic-ratelimit-requests-reset': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    'anthropic-ratelimit-tokens-limit': '1000',
    'anthropic-ratelimit-tokens-remaining': '1000',
    'anthropic-ratelimit-tokens-reset': expect.any(String),
  });
  expect(Date.parse(reply.headers['anthropic-ratelimit-requests-reset']!) - before).toBeGreaterThanOrEqual(60_000);
  const refused = await ask(opened, { path: '/v1/messages' });
  expect([refused.status, refused.headers['retry-after'], refused.body]).toEqual([
    429,
    '61', // tokens take longer than requests
    { type: 'error', error: { type: 'rate_limit_error', message: expect.stringContaining('1000 tokens') }, request_id: expect.any(String) },
  ]);
});

test('without limits there is no header and nothing is charged; limits that come later hold from the next request on', async () => {
  const opened = await open({});
  const free = await ask(opened);
  expect([free.status, limitHeaders(free), free.body]).toEqual([200, {}, { limited: false }]);
  opened.rates.setLimits({ requestsPerMinute: 1, tokensPerMinute: 5 });
  expect([(await ask(opened)).body, (await ask(opened)).status]).toEqual([{ limited: true }, 429]);
  opened.rates.setLimits({ requestsPerMinute: 0, tokensPerMinute: 0 });
  expect(limitHeaders(await ask(opened))).toEqual({});
});

test.each([
  [0, '0ms'],
  [0.2, '1ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [59_001, '1m0s'],
  [360_000, '6m0s'],
])('%d ms are written %s', (ms, text) => expect(duration(ms)).toBe(text));
