import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.js';
import { createHome, semantic } from '../support/run-semantic.js';

let daemon: TestDaemon | null = null;
afterEach(async () => {
  await daemon?.stop();
  daemon = null;
});

const HI = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 };

async function addKey(home: string, name: string): Promise<string> {
  const { stdout } = await semantic(['keys', 'add', name, '--json'], { home });
  return (JSON.parse(stdout) as { key: string }).key;
}

test('a daemon for other machines answers those with a key, until it is removed; the commands of this machine need none', async () => {
  const keyed = createHome();
  const key = await addKey(keyed.path, 'laptop');
  daemon = await startDaemon(['--host', '0.0.0.0', '--allow-remote'], { SEMANTIC_HOME: keyed.path });
  expect(daemon.summary.address).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
  const chat = async (headers: Record<string, string>) => (await daemon!.chat(HI, { headers })).status;
  expect([await chat({}), await chat({ 'x-api-key': key }), await chat({ authorization: `Bearer ${key}` })]).toEqual([401, 200, 200]);
  expect((await fetch(`${daemon.summary.address}/health/ready`)).status).toBe(200);
  for (const path of ['/v1/models', '/v1/agents', '/v1/admin/status', '/nothing'])
    expect([path, (await fetch(`${daemon.summary.address}${path}`)).status]).toEqual([path, 401]);

  const answer = await semantic(['chat', 'Hi', '--max-tokens', '2', '--json'], { home: keyed.path });
  expect(JSON.parse(answer.stdout)).toMatchObject({ via: 'daemon' });

  const second = await addKey(keyed.path, 'second');
  expect(await chat({ 'x-api-key': second })).toBe(200);
  expect((await semantic(['keys', 'rm', 'laptop', '--force'], { home: keyed.path })).exitCode).toBe(0);
  expect([await chat({ 'x-api-key': key }), await chat({ 'x-api-key': second })]).toEqual([401, 200]);
  expect(daemon.stderr()).not.toContain(key);
  keyed.remove();
});

test('keys can be required on loopback too, and each dialect says so in its words', async () => {
  const keyed = createHome();
  const key = await addKey(keyed.path, 'laptop');
  daemon = await startDaemon([], { SEMANTIC_HOME: keyed.path, SEMANTIC_SERVER_REQUIRE_KEYS: 'true' });
  expect((await daemon.chat(HI)).status).toBe(401);
  expect((await daemon.chat(HI, { headers: { 'x-api-key': key } })).status).toBe(200);
  const refused = await fetch(`${daemon.summary.address}/v1/messages`, { method: 'POST', body: '{}' });
  expect([refused.status, await refused.json()]).toEqual([
    401,
    { type: 'error', error: { type: 'authentication_error', message: expect.stringContaining('API key') }, request_id: expect.any(String) },
  ]);
  expect(refused.headers.get('request-id')).toMatch(/^req_/);
  keyed.remove();
});

test('a page of the web is refused by a daemon, unless its origin is listed', async () => {
  daemon = await startDaemon([], { SEMANTIC_SERVER_CORS_ORIGINS: 'http://a.example, https://b.example:8443' });
  const from = async (origin: string) => (await daemon!.chat(HI, { headers: { origin } })).status;
  expect([await from('http://a.example'), await from('https://b.example:8443'), await from('https://c.example')]).toEqual([200, 200, 403]);
});

describe('a daemon does not start', () => {
  test.each([
    ['on an address that others reach', ['--host', '0.0.0.0'], {}, '--allow-remote'],
    ['for other machines without a key', ['--host', '0.0.0.0', '--allow-remote'], {}, 'semantic keys add'],
    ['with keys required and none on file', [], { SEMANTIC_SERVER_REQUIRE_KEYS: 'true' }, 'semantic keys add'],
    ['with an origin that is anybody', [], { SEMANTIC_SERVER_CORS_ORIGINS: '*' }, 'docs/configuration.md'],
  ] as const)('%s', async (_name, args, env, hint) => {
    const home = createHome();
    const { exitCode, stdout } = await semantic(['serve', '--port', '0', '--json', ...args], { home: home.path, env });
    home.remove();
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ConfigInvalid', hint: expect.stringContaining(hint) } });
  });
});

describe('semantic keys', () => {
  test('add shows a key once, ls shows its start, rm wants to be sure', async () => {
    const home = createHome();
    const run = (...args: string[]) => semantic(['keys', ...args], { home: home.path });
    expect(await run('ls')).toEqual({ exitCode: 0, stdout: '', stderr: 'There are no API keys.' });
    const added = await run('add', 'laptop');
    expect(added).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sk-semantic-[\w-]{43}$/) });
    expect(added.stderr).toContain('laptop');
    const { stdout } = await run('ls');
    expect(stdout).toMatch(/^NAME +KEY +MADE +PER MINUTE\nlaptop +sk-semantic-[\w-]{4}\.\.\. +\d+ s ago +-$/);
    const listed = JSON.parse((await run('ls', '--json')).stdout) as object;
    expect(listed).toEqual({
      keys: [
        {
          name: 'laptop',
          start: added.stdout.slice(0, 16),
          created_at: expect.any(Number),
          requests_per_minute: null,
          tokens_per_minute: null,
        },
      ],
    });
    const file = readFileSync(join(home.path, 'keys.json'), 'utf8');
    expect(await run('rm', 'laptop')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--force') });
    expect(JSON.parse((await run('rm', 'laptop', '--dry-run', '--json')).stdout)).toEqual({ name: 'laptop', removed: false });
    expect(readFileSync(join(home.path, 'keys.json'), 'utf8')).toBe(file);
    expect(JSON.parse((await run('rm', 'laptop', '--force', '--json')).stdout)).toEqual({ name: 'laptop', removed: true });
    expect(await run('rm', 'laptop', '--force')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('no key laptop') });
    home.remove();
  });

  test('add says no to a name that is taken', async () => {
    const home = createHome();
    await addKey(home.path, 'laptop');
    const again = await semantic(['keys', 'add', 'laptop', '--json'], { home: home.path });
    home.remove();
    expect([again.exitCode, JSON.parse(again.stdout)]).toEqual([4, { error: expect.objectContaining({ code: 'KeyConflict' }) }]);
  });
});
