/** What a real daemon records of what is done to it, and by whom. */
import { appendFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listRecords } from '../../../src/adapters/audit/list-records.js';
import type { AuditRecord } from '../../../src/adapters/audit/sealed-line.js';
import { verifyLog } from '../../../src/adapters/audit/verify-log.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { createHome, semantic } from '../../support/run-semantic.js';

const UID = process.getuid?.() ?? -1;
const home = createHome();
const file = join(home.path, 'audit.log');
let daemon: TestDaemon;
let laptop: string;
afterAll(async () => {
  await daemon?.stop();
  home.remove();
});

const records = async (): Promise<readonly AuditRecord[]> => (await listRecords(file, { since: 0, limit: 10_000 })).records;
const short = ({ actor, action, target, outcome }: AuditRecord) => [actor, action, target, outcome];
const cli = (...args: string[]) => semantic(args, { home: home.path });
const call = (method: string, path: string, body?: object, key: string = laptop): Promise<Response> =>
  fetch(`${daemon.summary.address}/v1/${path}`, {
    method,
    headers: { 'x-api-key': key },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
/** What was recorded by `work`. */
async function recordsOf(work: () => Promise<unknown>): Promise<AuditRecord[]> {
  const before = (await records()).length;
  await work();
  return (await records()).slice(before);
}

beforeAll(async () => {
  laptop = (JSON.parse((await cli('keys', 'add', 'laptop', '--json')).stdout) as { key: string }).key;
  daemon = await startDaemon([], { SEMANTIC_HOME: home.path, SEMANTIC_SERVER_REQUIRE_KEYS: 'true', SEMANTIC_AUDIT_RETRY_SECONDS: '0.1' });
});

describe('a daemon', () => {
  test('records that it started, behind what was done before', async () => {
    const all = await records();
    expect(all.map(short)).toEqual([
      [`command:${UID}`, 'key.add', 'laptop', 'ok'],
      ['daemon', 'daemon.start', expect.stringContaining(daemon.summary.address), 'ok'],
    ]);
    expect(all[1]!.detail).toEqual({ pid: daemon.summary.pid, uid: UID });
  });

  test('records what a key does, with the id of the request, before it answers', async () => {
    const done = await recordsOf(async () => {
      expect((await call('POST', 'agents', { id: 'a' })).status).toBe(201);
      expect((await call('PATCH', 'admin/scheduler', { max_queue: 9 })).status).toBe(200);
      expect((await call('POST', 'agents/a/fork', { id: 'b' })).status).toBe(201);
      expect((await call('POST', 'cache/evict', { to: 'none' })).status).toBe(200);
      expect((await call('DELETE', 'agents/b?dry_run=true')).status).toBe(200);
      expect((await call('DELETE', 'agents/b')).status).toBe(200);
      expect((await call('DELETE', 'agents/b')).status).toBe(404);
      expect((await call('POST', 'admin/aliases', { name: 'fast', model: daemon.summary.model.id })).status).toBe(201);
    });
    expect(done.map(short)).toEqual([
      ['key:laptop', 'agent.create', 'a', 'ok'],
      ['key:laptop', 'scheduler.patch', '{"max_queue":9}', 'ok'],
      ['key:laptop', 'agent.fork', 'a > b', 'ok'],
      ['key:laptop', 'cache.evict', 'all', 'ok'],
      ['key:laptop', 'agent.delete', 'b', 'ok'],
      ['key:laptop', 'agent.delete', 'b', 'AgentNotFound'],
      ['key:laptop', 'alias.set', `fast = ${daemon.summary.model.id}`, 'ok'],
    ]);
    const response = await call('DELETE', 'admin/aliases/fast');
    expect((await records()).at(-1)).toMatchObject({ action: 'alias.remove', request: response.headers.get('x-request-id') });
  });

  test('records what a file that is sent and one that is taken away were', async () => {
    const [taken, sent] = await recordsOf(async () => {
      const exported = await (await call('POST', 'agents/a/export')).arrayBuffer();
      await until(
        async () => (await records()).at(-1)!.action,
        (action) => action === 'agent.export',
      );
      const response = await fetch(`${daemon.summary.address}/v1/agents/import?id=c`, {
        method: 'POST',
        headers: { 'x-api-key': laptop },
        body: new Uint8Array(exported),
      });
      expect(response.status).toBe(201);
    });
    expect([short(taken!), short(sent!)]).toEqual([
      ['key:laptop', 'agent.export', 'a', 'ok'],
      ['key:laptop', 'agent.import', 'c', 'ok'],
    ]);
  });

  test('records what comes over its socket, and by a signal', async () => {
    const done = await recordsOf(async () => {
      expect((await cli('config', 'reload')).exitCode).toBe(0);
      expect((await cli('agents', 'rm', 'c', '--force')).exitCode).toBe(0);
      daemon.signal('SIGHUP' as 'SIGTERM');
      await until(
        async () => (await records()).at(-1)!.actor,
        (actor) => actor === 'signal',
      );
    });
    expect(done.map(short)).toEqual([
      [`socket:${UID}`, 'config.reload', '', 'ok'],
      [`socket:${UID}`, 'agent.delete', 'c', 'ok'],
      ['signal', 'config.reload', '', 'ok'],
    ]);
  });

  test('records an exchange of models when it is taken up and when it is over, and what comes into memory and goes', async () => {
    const model = daemon.summary.model.id;
    const done = await recordsOf(async () => {
      expect((await call('POST', 'admin/models/swap', { model: 'nothing-of-this-name' })).status).toBe(404);
      expect((await call('POST', 'admin/models/swap', { model })).status).toBe(202);
      expect((await call('POST', 'admin/models/unload', { model })).status).toBe(200);
      expect((await call('POST', 'admin/models/load', { model })).status).toBe(200);
    });
    expect(done.map(short)).toEqual([
      ['key:laptop', 'model.swap', 'nothing-of-this-name', 'ModelNotFound'],
      ['key:laptop', 'model.swap', model, 'accepted'],
      ['key:laptop', 'model.swap', model, 'ok'],
      ['key:laptop', 'model.unload', model, 'ok'],
      ['key:laptop', 'model.load', model, 'ok'],
    ]);
    expect(done[1]!.request).toBe(done[2]!.request);
  });

  test('records a pull that failed in the middle of a stream that began well', async () => {
    const [pulled] = await recordsOf(async () => {
      await (await call('POST', 'admin/models/pull', { source: 'nothing-of-this-name' })).text();
      await until(
        async () => (await records()).at(-1)!.action,
        (action) => action === 'model.pull',
      );
    });
    expect(pulled).toMatchObject({ target: 'nothing-of-this-name', outcome: 'ModelNotFound' });
  });

  test('records a wrong key, and a flood of them as one line more at most; no secret is in the log', async () => {
    const done = await recordsOf(async () => {
      for (let n = 0; n < 30; n++) expect((await call('GET', 'models', undefined, `sk-wrong-${n}`)).status).toBe(401);
      expect((await fetch(`${daemon.summary.address}/v1/models`)).status).toBe(401); // without any: that is no attempt
      await until(
        async () => (await records()).at(-1)!.action,
        (action) => action === 'key.refused',
      );
    });
    expect(done.map(short)).toEqual([['loopback', 'key.refused', 'GET /v1/models', 'Unauthenticated']]);
    const text = readFileSync(file, 'utf8');
    expect([text.includes('sk-wrong'), text.includes(laptop)]).toEqual([false, false]);
  });

  test('shares the log with commands that write to it meanwhile', async () => {
    const done = await recordsOf(() =>
      Promise.all([
        cli('keys', 'add', 'ci'),
        ...Array.from({ length: 20 }, (_, n) => call('POST', 'agents', { id: `many-${n}` })),
        cli('models', 'alias', 'set', 'quick', daemon.summary.model.id),
      ]),
    );
    expect(done.map(({ action }) => action).toSorted()).toEqual([
      ...Array.from({ length: 20 }, () => 'agent.create'),
      'alias.set',
      'key.add',
    ]);
    expect(await verifyLog(file)).toMatchObject({ torn: 0 });
  });

  test.skipIf(!existsSync('/dev/full'))('goes on while the disk is full, says so, and records the gap', async () => {
    const kept = readFileSync(file);
    rmSync(file);
    symlinkSync('/dev/full', file);
    expect((await call('DELETE', 'agents/many-1')).status).toBe(200);
    expect((await call('DELETE', 'agents/many-2')).status).toBe(200);
    expect(
      (await daemon.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 }, { headers: { 'x-api-key': laptop } })).status,
    ).toBe(200);
    const ready = await fetch(`${daemon.summary.address}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', audit: 'suspended' }]);
    expect((await cli('status')).stdout).toMatch(/^audit +cannot be written \(ENOSPC.*\): 2 events wait, 0 are lost$/m);
    expect(daemon.stderr().match(/audit log cannot be written/g)).toHaveLength(1);
    const added = await cli('keys', 'add', 'meanwhile'); // done all the same
    expect([added.exitCode, added.stderr]).toEqual([0, expect.stringMatching(/could not be recorded.*ENOSPC/)]);
    rmSync(file);
    writeFileSync(file, kept, { mode: 0o600 });
    await until(
      async () => (await (await fetch(`${daemon.summary.address}/health/ready`)).json()) as { audit?: string },
      ({ audit }) => audit === undefined,
    );
    const last = (await records()).slice(-3);
    expect(last.map(({ action, target }) => [action, target])).toEqual([
      ['log.gap', null],
      ['agent.delete', 'many-1'],
      ['agent.delete', 'many-2'],
    ]);
    expect((await cli('status')).stdout).not.toContain('audit');
    expect(await verifyLog(file)).toMatchObject({ torn: 0 });
  });

  test('records that it stopped, with what it had counted', async () => {
    const done = await recordsOf(async () => {
      daemon.signal('SIGTERM');
      expect(await daemon.ended()).toEqual([0, null]);
    });
    expect(done.map(short)).toEqual([
      ['loopback', 'key.refused', 'GET /v1/models', 'Unauthenticated'],
      ['daemon', 'daemon.stop', null, 'ok'],
    ]);
    expect(done[0]!.detail).toEqual({ count: 29 });
    expect(await verifyLog(file)).toMatchObject({ lines: (await records()).length });
  });
});

test('a daemon that was killed while it wrote a line: the next one says what there was of it, before all else', async () => {
  const own = createHome();
  const log = join(own.path, 'audit.log');
  const first = await startDaemon([], { SEMANTIC_HOME: own.path });
  first.signal('SIGKILL');
  await first.ended();
  appendFileSync(log, '{"seq":2,"time":');
  expect((await semantic(['audit', 'verify'], { home: own.path })).exitCode).toBe(0);
  const second = await startDaemon([], { SEMANTIC_HOME: own.path });
  const { records: all } = await listRecords(log, { since: 0, limit: 10 });
  expect(all.map(({ action }) => action)).toEqual(['daemon.start', 'log.recovered', 'daemon.start']);
  expect(all[1]!.detail).toMatchObject({ bytes: 16, text: '{"seq":2,"time":' });
  await second.stop();
  expect(await verifyLog(log)).toMatchObject({ lines: 4, torn: 0 });
  own.remove();
});

test('a daemon without an audit log writes none, and says nothing of one', async () => {
  const own = createHome();
  const quiet = await startDaemon([], { SEMANTIC_HOME: own.path, SEMANTIC_AUDIT_ENABLED: 'false' });
  expect((await fetch(`${quiet.summary.address}/v1/agents`, { method: 'POST', body: '{}' })).status).toBe(201);
  const { stdout } = await semantic(['status', '--json'], { home: own.path });
  expect(JSON.parse(stdout)).toMatchObject({ audit: null });
  await quiet.stop();
  expect(existsSync(join(own.path, 'audit.log'))).toBe(false);
  own.remove();
});
