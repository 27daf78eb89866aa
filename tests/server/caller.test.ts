import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/domain/agent.js';
import { callerOf } from '../../src/server/caller.js';
import type { Listeners } from '../../src/server/listeners.js';
import { listenHere } from '../support/listen-here.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
const app = Fastify();
app.get('/', (request) => callerOf(request));
let doors: Listeners;
beforeAll(async () => {
  await app.ready();
  doors = await listenHere(app, join(folder, 's.sock'));
});
afterAll(async () => {
  await doors.close();
  doors.destroy();
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const overTcp = async (headers: Record<string, string>) => (await (await fetch(doors.address, { headers })).json()) as Caller;
async function overSocket(headers: Record<string, string>): Promise<Caller> {
  const http = new Client('http://localhost', { socketPath: doors.socket });
  try {
    return (await (await http.request({ method: 'GET', path: '/', headers })).body.json()) as Caller;
  } finally {
    await http.close();
  }
}

// printf %s sk-one | sha256sum | cut -c1-16
const ONE = '456f1612bd25c6c8';

describe('callerOf()', () => {
  test('a key is a scope, whichever header it comes in; the key itself is not kept', async () => {
    expect(await overTcp({ authorization: 'Bearer sk-one' })).toEqual({ scope: ONE, seesAll: false });
    expect(await overTcp({ authorization: 'bearer  sk-one ' })).toEqual({ scope: ONE, seesAll: false });
    expect(await overTcp({ 'x-api-key': 'sk-one' })).toEqual({ scope: ONE, seesAll: false });
    expect((await overTcp({ 'x-api-key': 'sk-two' })).scope).not.toBe(ONE);
  });

  test('without a key, or with another kind of authorization, the scope is that of this machine', async () => {
    for (const headers of [{}, { 'x-api-key': '' }, { authorization: 'Basic c2stb25lOg==' }, { authorization: 'Bearer ' }])
      expect(await overTcp(headers)).toEqual({ scope: 'local', seesAll: false });
  });

  test('over the Unix socket all is seen; what is made there still has the scope of its key', async () => {
    expect(await overSocket({})).toEqual({ scope: 'local', seesAll: true });
    expect(await overSocket({ 'x-api-key': 'sk-one' })).toEqual({ scope: ONE, seesAll: true });
  });

  test('on behalf of another scope nobody asks but over the Unix socket, and sees no more than that scope then', async () => {
    expect(await overSocket({ 'x-semantic-scope': ONE })).toEqual({ scope: ONE, seesAll: false });
    expect(await overTcp({ 'x-semantic-scope': ONE })).toEqual({ scope: 'local', seesAll: false });
    for (const scope of ['', 'a b', '../x', 'x'.repeat(65)])
      expect(await overSocket({ 'x-semantic-scope': scope })).toEqual({ scope: 'local', seesAll: true });
  });
});
