import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTls, type TlsMaterial } from '../../../src/adapters/tls/read-tls.js';
import { ConnectionLimit } from '../../../src/server/doors/connection-limit.js';
import { guardDoors } from '../../../src/server/doors/guard.js';
import { KeyRates } from '../../../src/server/doors/key-rates.js';
import { replyWithError } from '../../../src/server/error-reply.js';
import { parseJsonBodies } from '../../../src/server/json-body.js';
import type { Listeners, ListenersOptions } from '../../../src/server/listeners.js';
import { Authority, type Issued, type Wish } from '../../support/certificates.js';
import { listenHere } from '../../support/listen-here.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
const authority = new Authority('of the server');
const ofClients = new Authority('of the clients');
const stranger = new Authority('of nobody');
const file = (name: string, pem: string): string => {
  writeFileSync(join(folder, name), pem);
  return join(folder, name);
};
function material(wish: Wish = {}, clientCa = ''): TlsMaterial {
  const { cert, key } = authority.issue(wish);
  return readTls({ tls_cert_file: file('c', cert), tls_key_file: file('k', key), tls_client_ca_file: clientCa }, Date.now())!;
}

let app: FastifyInstance;
const opened: Listeners[] = [];
async function open(tls: TlsMaterial, options: Partial<ListenersOptions> = {}): Promise<Listeners> {
  const doors = await listenHere(app, join(folder, `${opened.length}.sock`), { tls, maxHeaderBytes: 4_096, ...options });
  opened.push(doors);
  return doors;
}
let doors: Listeners;
async function appWith(connections: ConnectionLimit): Promise<FastifyInstance> {
  const made = Fastify();
  parseJsonBodies(made, 1_000_000);
  guardDoors(made, {
    host: '127.0.0.1',
    allowedHosts: [],
    corsOrigins: [],
    keysRequired: false,
    keys: { find: () => null, findByHash: () => null },
    rates: new KeyRates({ limits: { requestsPerMinute: 0, tokensPerMinute: 0 }, refused: () => undefined }),
    connections,
  });
  made.setErrorHandler(replyWithError);
  made.get('/', () => ({ hello: 'there' }));
  made.post('/', (request) => request.body);
  await made.ready();
  return made;
}
beforeAll(async () => {
  app = await appWith(new ConnectionLimit(64));
  doors = await open(material());
});
afterAll(async () => {
  const closed = opened.map((one) => one.close());
  for (const one of opened) one.destroy();
  await Promise.all(closed);
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As one who trusts that authority, and shows a certificate where there is one. */
async function ask(address: string, trusted: Issued = authority, own: Partial<Issued> = {}): Promise<readonly [number, unknown]> {
  const dispatcher = new Agent({ connect: { ca: trusted.cert, ...own } });
  try {
    const reply = await fetch(address, { dispatcher });
    return [reply.status, await reply.json()];
  } finally {
    await dispatcher.destroy();
  }
}

/** Once its handshake is over. */
function handshake(address: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: hostname, port: Number(port), ca: authority.cert, ...options }, () => resolve(socket));
    socket.once('error', reject);
  });
}

const causeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => null,
    (error: Error) => (error.cause as { code?: string } | undefined)?.code ?? (error as NodeJS.ErrnoException).code,
  );

describe('with a certificate', () => {
  test('TCP is HTTPS, for who trusts its signer and for no other; the Unix socket stays as it is', async () => {
    expect(doors.address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await ask(doors.address)).toEqual([200, { hello: 'there' }]);
    expect(await causeOf(ask(doors.address, stranger))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const plain = await new Promise<string>((resolve, reject) => {
      const asked = httpRequest({ socketPath: doors.socket, path: '/' }, (response) => void text(response).then(resolve, reject));
      asked.once('error', reject).end();
    });
    expect(plain).toBe('{"hello":"there"}');
  });

  test.each([
    ['GET', ''],
    ['POST', '{"a":1}'],
  ])('a %s in plain HTTP is told what to do', async (method, body) => {
    const { hostname, port } = new URL(doors.address);
    const socket = connect(Number(port), hostname);
    socket.write(`${method} / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const [head, said] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*connection: close$/);
    expect(JSON.parse(said!)).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining('https://') } });
  });

  test('what is neither HTTP nor TLS is cut off, and all goes on', async () => {
    const { hostname, port } = new URL(doors.address);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write('SSH-2.0-somebody\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await ask(doors.address))[0]).toBe(200);
  });

  test.each([
    ['TLSv1.3', 'TLSv1.3'],
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
  ] as const)('a client of %s gets %s', async (version, wanted) => {
    const shaken = handshake(doors.address, { minVersion: 'TLSv1', maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' });
    const got = await shaken.then(
      (socket) => socket.destroy() && socket.getProtocol(),
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(got ?? version).toBe(wanted);
  });

  test('what Node gives up on is still told, by TLS', async () => {
    const socket = await handshake(doors.address);
    socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nx-filler: ${'x'.repeat(5_000)}\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('a page that came from this server is of its origin by https alone', async () => {
    const { host } = new URL(doors.address);
    const dispatcher = new Agent({ connect: { ca: authority.cert } });
    const from = async (origin: string) => (await fetch(doors.address, { dispatcher, headers: { origin } })).status;
    expect([await from(`https://${host}`), await from(`http://${host}`)]).toEqual([200, 403]);
    await dispatcher.destroy();
  });

  test('who connects and says nothing is cut off', async () => {
    const hasty = await open(material(), { headersTimeoutSeconds: 1 });
    const { hostname, port } = new URL(hasty.address);
    const socket = connect(Number(port), hostname);
    expect(await text(socket)).toBe('');
  });

  test('a connection beyond the limit is told so', async () => {
    const connections = new ConnectionLimit(2);
    const few = await appWith(connections);
    const crowded = await open(material(), { connections });
    crowded.handTo((request, response) => few.routing(request, response));
    const idle = [await handshake(crowded.address), await handshake(crowded.address)];
    const beyond = await handshake(crowded.address);
    beyond.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect(await text(beyond)).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 2[\s\S]*too_many_connections/);
    for (const socket of idle) socket.destroy();
    await few.close();
  });

  test('a name that it listens on is kept in its address: certificates are for names', async () => {
    const named = await open(material(), { host: 'localhost' });
    expect(named.address).toMatch(/^https:\/\/localhost:\d+$/);
    expect((await ask(named.address))[0]).toBe(200);
  });
});

describe('a new certificate', () => {
  test('is shown to who connects from then on; who is there goes on', async () => {
    const renewed = await open(material());
    const before = await handshake(renewed.address);
    const next = material();
    renewed.renew(next);
    const after = await handshake(renewed.address);
    const [old, fresh] = [before, after].map((socket) => socket.getPeerCertificate().fingerprint256);
    expect(fresh).not.toBe(old);
    before.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    expect(await text(before)).toMatch(/^HTTP\/1\.1 200 /);
    after.destroy();
  });
});

describe('where clients need certificates', () => {
  const clientCa = file('clients.pem', ofClients.cert);
  const alice = ofClients.issue({ names: ['alice'] });

  test('one of their signer is let in; none, or one of another signer, is not', async () => {
    const mutual = await open(material({}, clientCa));
    expect(await ask(mutual.address, authority, alice)).toEqual([200, { hello: 'there' }]);
    for (const own of [{}, stranger.issue(), authority.issue()])
      await expect(ask(mutual.address, authority, own)).rejects.toThrow('fetch failed');
    expect(await causeOf(handshake(mutual.address, { maxVersion: 'TLSv1.2' }))).toMatch(/ALERT|ECONNRESET/);
  });

  test('one that has expired is not let in either', async () => {
    const mutual = await open(material({}, clientCa));
    await expect(ask(mutual.address, authority, ofClients.issue({ from: -9, to: -1 }))).rejects.toThrow('fetch failed');
  });

  test('signers can be exchanged for others: a session that was made before is not gone on with', async () => {
    const mutual = await open(material({}, clientCa));
    const first = await handshake(mutual.address, alice);
    const session = await new Promise<Buffer>((resolve) => {
      first.once('session', resolve);
      first.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    });
    first.destroy();
    mutual.renew(material({}, file('others.pem', stranger.cert)));
    await expect(ask(mutual.address, authority, alice)).rejects.toThrow('fetch failed');
    expect((await ask(mutual.address, authority, stranger.issue()))[0]).toBe(200);
    const { hostname, port } = new URL(mutual.address);
    const again = connectTls({ host: hostname, port: Number(port), ca: authority.cert, session });
    again.on('error', () => undefined);
    again.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    expect(await text(again).catch(() => '')).toBe('');
  });
});
