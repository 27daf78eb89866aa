import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { addKey } from '../../../src/adapters/keys/add-key.js';
import { KeyRing } from '../../../src/adapters/keys/key-ring.js';
import { removeKey } from '../../../src/adapters/keys/remove-key.js';
import { callerOf } from '../../../src/server/caller.js';
import { ConnectionLimit } from '../../../src/server/doors/connection-limit.js';
import { type DoorRules, guardDoors } from '../../../src/server/doors/guard.js';
import { KeyRates } from '../../../src/server/doors/key-rates.js';
import { replyWithError } from '../../../src/server/error-reply.js';
import { EventStream } from '../../../src/server/event-stream.js';
import { health } from '../../../src/server/health.js';
import { parseJsonBodies } from '../../../src/server/json-body.js';
import type { Listeners } from '../../../src/server/listeners.js';
import { closeHere, listenHere } from '../../support/listen-here.js';

interface Opened {
  readonly doors: Listeners;
  readonly keys: string;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The guard before three routes and health, on real sockets. */
async function open(rules: Partial<DoorRules> = {}): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
  const keys = join(folder, 'keys.json');
  const connections = new ConnectionLimit(2);
  const app: FastifyInstance = Fastify();
  parseJsonBodies(app, 1_000);
  guardDoors(app, {
    host: '127.0.0.1',
    allowedHosts: [],
    corsOrigins: [],
    keysRequired: false,
    keys: new KeyRing(keys, () => undefined),
    rates: new KeyRates({ limits: { requestsPerMinute: 0, tokensPerMinute: 0 }, refused: () => undefined }),
    connections,
    ...rules,
  });
  app.setErrorHandler(replyWithError);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({}));
  health(app, { state: () => 'ready', audit: () => null });
  app.get('/caller', (request) => callerOf(request));
  app.post('/echo', (request) => request.body);
  app.get('/stream', (_request, reply) => {
    reply.hijack();
    new EventStream(reply.raw, {}, { keepAliveSeconds: 60, slowReaderSeconds: 60 }, app.log).end();
  });
  await app.ready();
  const doors = await listenHere(app, join(folder, 's.sock'), { connections });
  closing.push(async () => {
    await closeHere(app, doors);
    rmSync(folder, { recursive: true, force: true });
  });
  return { doors, keys };
}

interface Reply {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly json: unknown;
}

/** As a browser would, which sets what `fetch` here does not let one set. */
function ask(to: string | { readonly socketPath: string }, path: string, options: Asking = {}): Promise<Reply> {
  const { method = 'GET', headers = {}, body } = options;
  const where = typeof to === 'string' ? { host: new URL(to).hostname, port: new URL(to).port } : to;
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ ...where, path, method, headers, agent: false }, (response) => {
      text(response).then(
        (answer) => resolve({ status: response.statusCode, headers: response.headers, json: answer === '' ? null : parsed(answer) }),
        reject,
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return answer;
  }
}

const refusedWith = (type: string, code: string) => ({ error: { message: expect.any(String), type, param: null, code } });

describe('API keys', () => {
  const NO_KEY = refusedWith('invalid_request_error', 'invalid_api_key');

  test('where they are required, a request without one on file is 401, whatever it asks for', async () => {
    const { doors, keys } = await open({ keysRequired: true });
    await addKey(keys, 'laptop');
    for (const [path, headers] of [
      ['/caller', {}],
      ['/nothing', {}],
      ['/caller', { 'x-api-key': 'sk-semantic-wrong' }],
      ['/caller', { authorization: 'Bearer sk-semantic-wrong' }],
      ['/caller', { authorization: 'Basic c2stb25lOg==' }],
    ] as const) {
      const { status, json, headers: got } = await ask(doors.address, path, { headers });
      expect([status, json]).toEqual([401, NO_KEY]);
      expect(got['www-authenticate']).toBe('Bearer');
    }
  });

  test('one on file is let in by either header, also beside one that is meant for somebody else, and is the scope', async () => {
    const { doors, keys } = await open({ keysRequired: true });
    const { key } = await addKey(keys, 'laptop');
    const scopes = await Promise.all(
      [
        { 'x-api-key': key },
        { authorization: `Bearer ${key}` },
        { authorization: `Bearer ${key}`, 'x-api-key': 'sk-of-a-vendor' },
        { authorization: 'Bearer sk-of-a-vendor', 'x-api-key': key },
      ].map(async (headers) => {
        const { status, json } = await ask(doors.address, '/caller', { headers });
        return [status, (json as { scope: string }).scope];
      }),
    );
    const [, scope] = scopes[0]!;
    expect(scope).toMatch(/^[\da-f]{16}$/);
    expect(scopes).toEqual(scopes.map(() => [200, scope]));
  });

  test('one that is made while the server runs works at once, one that is removed no more from the next request on', async () => {
    const { doors, keys } = await open({ keysRequired: true });
    const first = await addKey(keys, 'first');
    const second = await addKey(keys, 'second');
    const status = async (key: string) => (await ask(doors.address, '/caller', { headers: { 'x-api-key': key } })).status;
    expect([await status(first.key), await status(second.key)]).toEqual([200, 200]);
    await removeKey(keys, 'first');
    expect([await status(first.key), await status(second.key)]).toEqual([401, 200]);
    await removeKey(keys, 'second');
    expect(await status(second.key)).toBe(401);
    const third = await addKey(keys, 'first');
    expect([await status(first.key), await status(third.key)]).toEqual([401, 200]);
  });

  test('a client that sends a large body without a key still reads why it was refused', async () => {
    const { doors } = await open({ keysRequired: true });
    const { status, json } = await ask(doors.address, '/echo', { method: 'POST', body: 'x'.repeat(9_000_000) });
    expect([status, json]).toEqual([401, NO_KEY]);
  });

  test('health needs none and says one word', async () => {
    const { doors } = await open({ keysRequired: true });
    expect((await ask(doors.address, '/health/live')).json).toEqual({ status: 'ok' });
    expect((await ask(doors.address, '/health/ready')).json).toEqual({ status: 'ready' });
  });

  test('the Unix socket needs none', async () => {
    const { doors } = await open({ keysRequired: true });
    expect(await ask({ socketPath: doors.socket }, '/caller')).toMatchObject({ status: 200, json: { scope: 'local', seesAll: true } });
  });

  test('where they are not required, any key is a scope and none is this machine; one on file comes before one that is not', async () => {
    const { doors, keys } = await open();
    const { key } = await addKey(keys, 'laptop');
    const scope = async (headers: Record<string, string>) =>
      ((await ask(doors.address, '/caller', { headers })).json as { scope: string }).scope;
    expect(await scope({})).toBe('local');
    const own = await scope({ 'x-api-key': key });
    expect(await scope({ 'x-api-key': 'sk-other' })).not.toBe(own);
    expect(await scope({ 'x-api-key': 'sk-other', authorization: `Bearer ${key}` })).toBe(own);
    await removeKey(keys, 'laptop');
    expect(await scope({ 'x-api-key': key })).toBe(own);
  });
});

describe('Host', () => {
  /** All that comes back; the server closes. */
  async function exchange(to: string, bytes: string): Promise<string> {
    const { hostname, port } = new URL(to);
    const socket = connect(Number(port), hostname);
    socket.write(bytes);
    return text(socket);
  }

  test.each([
    ['two of them', 'host: localhost\r\nHost: example.invalid\r\n', 'is there 2 times'],
    ['none', '', 'is there not at all'],
  ])('%s is 400 in our words, and what comes after it on the connection is not heard', async (_name, lines, message) => {
    const { doors } = await open();
    const received = await exchange(
      doors.address,
      `GET /caller HTTP/1.1\r\n${lines}\r\nGET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    );
    const [head = '', body = ''] = received.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(head).toMatch(/^connection: close$/im);
    expect(JSON.parse(body)).toEqual({
      error: { message: expect.stringContaining(message), type: 'invalid_request_error', param: null, code: 'invalid_request' },
    });
  });

  test('none is right in HTTP/1.0', async () => {
    const { doors } = await open();
    expect(await exchange(doors.address, 'GET /health/live HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  const REFUSED = refusedWith('invalid_request_error', 'origin_refused');

  test('on loopback a name of somebody else is 403, before anything is done', async () => {
    const { doors } = await open();
    for (const host of ['evil.example', 'evil.example:8000', '127.0.0.1.evil.example'])
      expect(await ask(doors.address, '/caller', { headers: { host } })).toMatchObject({ status: 403, json: REFUSED });
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:8000', 'app.localhost'])
      expect((await ask(doors.address, '/caller', { headers: { host } })).status).toBe(200);
  });

  test('names that are listed are answered', async () => {
    const { doors } = await open({ allowedHosts: ['Box.example'] });
    expect((await ask(doors.address, '/caller', { headers: { host: 'box.example:443' } })).status).toBe(200);
    expect((await ask(doors.address, '/caller', { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  test('bound to an address that others reach, the key decides, not the name', async () => {
    const { doors, keys } = await open({ host: '0.0.0.0', keysRequired: true });
    const { key } = await addKey(keys, null);
    expect((await ask(doors.address, '/caller', { headers: { host: 'box.example', 'x-api-key': key } })).status).toBe(200);
  });

  test('over the Unix socket nobody asks for it', async () => {
    const { doors } = await open();
    expect((await ask({ socketPath: doors.socket }, '/caller', { headers: { host: 'whatever' } })).status).toBe(200);
  });
});

describe('web pages', () => {
  const PREFLIGHT = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key,content-type' };
  const corsHeaders = ({ headers }: Reply) => Object.keys(headers).filter((name) => name.startsWith('access-control'));

  test('of any origin get nothing: no preflight, no header, no answer to a POST that needs no preflight', async () => {
    const { doors } = await open();
    const headers = { origin: 'https://evil.example' };
    const answers = [
      await ask(doors.address, '/echo', { method: 'OPTIONS', headers: { ...headers, ...PREFLIGHT } }),
      await ask(doors.address, '/echo', { method: 'POST', headers: { ...headers, 'content-type': 'text/plain' }, body: '{}' }),
      await ask(doors.address, '/caller', { headers: { origin: 'null' } }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 403, json: refusedWith('invalid_request_error', 'origin_refused') });
      expect(corsHeaders(answer)).toEqual([]);
    }
  });

  test('that come from this server are answered, without any header for others', async () => {
    const { doors } = await open();
    const answer = await ask(doors.address, '/caller', { headers: { origin: doors.address, host: new URL(doors.address).host } });
    expect(answer.status).toBe(200);
    expect(corsHeaders(answer)).toEqual([]);
  });

  test('that are listed may ask, read, and be told of errors; no other may', async () => {
    const origin = 'http://localhost:5173';
    const { doors } = await open({ corsOrigins: [origin], keysRequired: true });
    const preflight = await ask(doors.address, '/echo', { method: 'OPTIONS', headers: { origin, ...PREFLIGHT } });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'x-api-key,content-type',
        'access-control-allow-methods': expect.stringContaining('DELETE'),
        vary: 'Origin',
      },
    });
    const refused = await ask(doors.address, '/echo', { method: 'POST', headers: { origin }, body: '{}' });
    expect(refused).toMatchObject({ status: 401, headers: { 'access-control-allow-origin': origin } });
    const other = await ask(doors.address, '/echo', { method: 'OPTIONS', headers: { origin: 'http://localhost:5174', ...PREFLIGHT } });
    expect(other.status).toBe(403);
    expect(corsHeaders(other)).toEqual([]);
  });

  test('that are listed can read streams too', async () => {
    const origin = 'http://localhost:5173';
    const { doors } = await open({ corsOrigins: [origin] });
    const { status, headers } = await ask(doors.address, '/stream', { headers: { origin } });
    expect([status, headers['access-control-allow-origin']]).toEqual([200, origin]);
  });
});

test('a request on a connection beyond the limit is 503 and tells when to come again; when one closes there is room again', async () => {
  const { doors } = await open();
  const { hostname, port } = new URL(doors.address);
  const idle = await Promise.all(
    [1, 2].map(async () => {
      const socket = connect(Number(port), hostname);
      await new Promise((resolve) => socket.once('connect', resolve));
      return socket;
    }),
  );
  const refused = await ask(doors.address, '/caller');
  expect(refused).toMatchObject({ status: 503, json: refusedWith('server_error', 'too_many_connections') });
  expect(refused.headers).toMatchObject({ 'retry-after': '2', connection: 'close' });
  for (const socket of idle) socket.destroy();
  for (;;) if ((await ask(doors.address, '/caller')).status === 200) break; // the server hears of it a little later
});
