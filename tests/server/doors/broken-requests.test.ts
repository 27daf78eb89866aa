import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replyWithError } from '../../../src/server/error-reply.js';
import { parseJsonBodies } from '../../../src/server/json-body.js';
import type { Listeners } from '../../../src/server/listeners.js';
import { until } from '../../support/daemon.js';
import { listenHere } from '../../support/listen-here.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
const thrown: unknown[] = [];
let app: FastifyInstance;
/** Waits long for a request, and not long at all: what is not about time must not depend on it. */
let patient: Listeners;
let hasty: Listeners;

beforeAll(async () => {
  app = Fastify();
  parseJsonBodies(app, 1_000);
  app.setErrorHandler((error, request, reply) => {
    thrown.push(error);
    replyWithError(error, request, reply);
  });
  app.post('/echo', (request) => request.body);
  app.register(async (raw) => {
    // reads no body
    raw.removeAllContentTypeParsers();
    raw.addContentTypeParser('*', (_request, _payload, done) => done(null));
    raw.post('/unread', (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'text/plain' });
      reply.raw.write('begun');
    });
  });
  await app.ready();
  patient = await listenHere(app, join(folder, 'p.sock'), { maxHeaderBytes: 4_096, headersTimeoutSeconds: 50, receiveTimeoutSeconds: 50 });
  hasty = await listenHere(app, join(folder, 'h.sock'), { maxHeaderBytes: 4_096, headersTimeoutSeconds: 1, receiveTimeoutSeconds: 2 });
});
afterAll(async () => {
  const closed = [patient, hasty].map((doors) => doors.close());
  for (const doors of [patient, hasty]) doors.destroy();
  await Promise.all(closed);
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** All that comes back until the server closes. `send` may go on writing. */
async function exchange(doors: Listeners, send: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(doors.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined); // writing to what is closed
  let received = '';
  socket.setEncoding('utf8').on('data', (part: string) => (received += part));
  socket.once('connect', () => send(socket));
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

function answerIn(received: string): { readonly status: number; readonly close: boolean; readonly body: unknown } {
  const [head = '', body = ''] = received.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), close: /^connection: close$/im.test(head), body: JSON.parse(body) };
}

const errorOf = (type: string, code: string, message: RegExp) => ({
  type: 'error',
  error: { type, message: expect.stringMatching(message), param: null, code },
});

const HEAD = 'POST /echo HTTP/1.1\r\nhost: localhost\r\n';

describe('headers', () => {
  test('more than there may be are 431, said also to one that goes on sending', async () => {
    const received = await exchange(patient, (socket) => {
      socket.write(HEAD);
      const timer = setInterval(() => socket.write(`x-filler: ${'x'.repeat(2_000)}\r\n`), 5);
      socket.once('close', () => clearInterval(timer));
    });
    const wanted = errorOf('invalid_request_error', 'headers_too_large', /more than 4096 bytes \(server\.max_header_bytes\)/);
    expect(answerIn(received)).toEqual({ status: 431, close: true, body: wanted });
  });

  test('a request line that is too long is 431 too', async () => {
    const received = await exchange(patient, (socket) => socket.write(`GET /${'x'.repeat(5_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`));
    expect(answerIn(received).status).toBe(431);
  });

  test.each([
    ['none at all', ''],
    ['a part of them', HEAD],
  ])('%s within the time is 408', async (_name, sent) => {
    const received = await exchange(hasty, (socket) => socket.write(sent));
    const wanted = errorOf('timeout_error', 'receive_timeout', /headers did not arrive within 1 s \(server\.headers_timeout_seconds\)/);
    expect(answerIn(received)).toEqual({ status: 408, close: true, body: wanted });
  });

  test('a byte now and then does not stretch the time', async () => {
    const received = await exchange(hasty, (socket) => {
      socket.write(`${HEAD}x-slow: `);
      const timer = setInterval(() => socket.write('x'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    expect(answerIn(received).status).toBe(408);
  });

  test('what is not HTTP is 400', async () => {
    const received = await exchange(patient, (socket) => socket.write('\u0016\u0003\u0001\u0002\0\u0001\r\n\r\n'));
    expect(answerIn(received)).toMatchObject({ status: 400, close: true, body: { error: { code: 'invalid_request' } } });
  });
});

test('an expectation that nobody here meets is passed over', async () => {
  for (const expected of ['200-ok', '']) {
    const received = await exchange(patient, (socket) =>
      socket.write(`${HEAD}expect: ${expected}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`),
    );
    expect(answerIn(received)).toEqual({ status: 200, close: true, body: {} });
  }
});

describe('bodies', () => {
  test('one that comes too slowly is 408, and is no error of the server', async () => {
    thrown.length = 0;
    const received = await exchange(hasty, (socket) => {
      socket.write(`${HEAD}content-length: 900\r\n\r\n`);
      const timer = setInterval(() => socket.write(' '), 20);
      socket.once('close', () => clearInterval(timer));
    });
    const wanted = errorOf('timeout_error', 'receive_timeout', /request did not arrive within 2 s \(server\.receive_timeout_seconds\)/);
    expect(answerIn(received)).toEqual({ status: 408, close: true, body: wanted });
    await until(
      () => thrown.length,
      (count) => count > 0,
    );
    expect(thrown).toEqual([expect.objectContaining({ code: 'Cancelled', message: expect.stringContaining('broke off') })]);
  });

  test('one that never ends is cut off, however fast it comes', async () => {
    const received = await exchange(hasty, (socket) => {
      socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
      const timer = setInterval(() => socket.write(`1000\r\n${'x'.repeat(4_096)}\r\n`), 5);
      socket.once('close', () => clearInterval(timer));
    });
    expect(answerIn(received).status).toBe(408);
  });

  test('one that is too large is 413, once it is there', async () => {
    const received = await exchange(patient, (socket) => socket.write(`${HEAD}content-length: 2000000\r\n\r\n${'x'.repeat(2_000_000)}`));
    expect(answerIn(received)).toMatchObject({ status: 413, body: { error: { code: 'body_too_large' } } });
  });

  test('a chunk that is none is 400', async () => {
    const received = await exchange(patient, (socket) => socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`));
    expect(answerIn(received).status).toBe(400);
  });

  test('an answer that has begun gets no second head: the connection is closed', async () => {
    const received = await exchange(hasty, (socket) => socket.write(`${HEAD.replace('/echo', '/unread')}content-length: 900\r\n\r\nx`));
    expect(received).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(received).not.toContain('408');
  });
});

test('after all this the server answers as before', async () => {
  const response = await fetch(`${patient.address}/echo`, { method: 'POST', body: '{"still":"here"}' });
  expect(await response.json()).toEqual({ still: 'here' });
});
