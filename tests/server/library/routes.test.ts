import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelDetailSchema, modelListSchema, verifiedSchema } from '../../../src/client/model-bodies.js';
import { HubServer } from '../../adapters/hub/pull/hub-server.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { semantic } from '../../support/run-semantic.js';

const STARTER = 'smollm2-135m-instruct';
let daemon: TestDaemon;
let hub: HubServer;
beforeAll(async () => {
  hub = await HubServer.start();
  daemon = await startDaemon([], { HF_ENDPOINT: hub.endpoint });
  // Models that are fetched go into a folder of this test's own.
  const shared = readlinkSync(join(daemon.home, 'models'));
  rmSync(join(daemon.home, 'models'));
  mkdirSync(join(daemon.home, 'models'));
  for (const name of readdirSync(shared)) symlinkSync(join(shared, name), join(daemon.home, 'models', name));
});
afterAll(async () => {
  await daemon.stop();
  await hub.stop();
});

const eventsOf = (text: string): unknown[] =>
  text.split('\n\n').flatMap((event) => JSON.parse(/^data: (\{.*)$/m.exec(event)?.[1] ?? '[]') as unknown);

const call = (method: string, path: string, body?: object) =>
  fetch(`${daemon.summary.address}/v1/admin/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const cli = (...args: string[]) => semantic(['models', ...args], { home: daemon.home });

describe('/v1/admin/models', () => {
  test('lists what is resident, with its fingerprint and when it was last used', async () => {
    await daemon.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 });
    const { data } = modelListSchema.parse(await (await call('GET', 'models')).json());
    const status = await daemon.status();
    expect(data.find(({ id }) => id === STARTER)).toMatchObject({
      state: 'resident',
      architecture: 'llama',
      quantization: '4-bit g32',
      context_length: 8192,
      bytes: 98_362_432,
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      used_at: expect.closeTo(Date.now() / 1000, -1.7),
    });
    expect(status.engine.model).toBe(STARTER);
  });

  test('shows one by id or alias, and 404 for any other', async () => {
    expect((await call('POST', 'aliases', { name: 'fast', model: STARTER })).status).toBe(201);
    const shown = modelDetailSchema.parse(await (await call('GET', 'models/fast')).json());
    expect(shown).toMatchObject({ id: STARTER, aliases: ['fast'], files: [{ path: expect.stringMatching(/gguf$/) }] });
    const missing = await call('GET', 'models/slow');
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { code: 'model_not_found', param: 'model' } }]);
  });

  test('verifies one with progress, then a report', async () => {
    const text = await (await call('POST', `models/${STARTER}/verify`)).text();
    const events = eventsOf(text);
    const report = verifiedSchema.parse(events.at(-1));
    expect(report).toMatchObject({ id: STARTER, ok: true, files: [{ state: 'whole' }] });
    expect(events[0]).toMatchObject({ type: 'progress', phase: 'verify', total: 98_362_432 });
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect((await call('POST', 'models/nothing/verify')).status).toBe(404);
  });

  test('fetches one from the hub, as events, and lists it then', async () => {
    hub.add('config.json', '{}');
    hub.add('model.safetensors', Buffer.alloc(300_000, 1), true);
    const text = await (await call('POST', 'models/pull', { source: 'hf:owner/tiny', name: 'from-the-hub' })).text();
    const events = eventsOf(text);
    expect(events[0]).toMatchObject({ type: 'progress', phase: 'download' });
    expect(events.at(-1)).toMatchObject({ type: 'report', name: 'from-the-hub', fetched: true, bytes: 300_002 });
    expect(modelDetailSchema.parse(await (await call('GET', 'models/from-the-hub')).json())).toMatchObject({ state: 'installed' });
    expect((await call('DELETE', 'models/from-the-hub')).status).toBe(200);
    expect((await call('GET', 'models/from-the-hub')).status).toBe(404);
  });

  test('a pull that fails ends its events with the error; files of this machine are refused', async () => {
    expect(eventsOf(await (await call('POST', 'models/pull', { source: 'hf:owner/none' })).text())).toEqual([
      { type: 'error', error: expect.objectContaining({ code: 'model_not_found' }) },
    ]);
    for (const source of [daemon.home, 'oci:/x', './x', '~/x', '..', 'x.gguf/']) {
      const refused = await call('POST', 'models/pull', { source });
      expect([source, refused.status, await refused.json()]).toMatchObject([source, 400, { error: { param: 'source' } }]);
    }
    expect((await call('POST', 'models/pull', { sauce: 'x' })).status).toBe(400);
  });

  test('a pull of what is not there is no error of the daemon in its log', async () => {
    const text = await (await call('POST', 'models/pull', { source: 'hf:nobody/nothing' })).text();
    expect(eventsOf(text).at(-1)).toMatchObject({ type: 'error', error: { code: 'model_not_found' } });
    expect(daemon.stderr()).not.toContain('"level":50');
  });

  test('does not remove what is in memory, over HTTP or by the command', async () => {
    const refused = await call('DELETE', `models/${STARTER}`);
    expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: 'model_conflict' } }]);
    expect((await call('DELETE', `models/${STARTER}?dry_run=maybe`)).status).toBe(400);
    const command = await cli('rm', STARTER, '--force');
    expect([command.exitCode, command.stderr]).toEqual([9, expect.stringContaining('is in the memory of a daemon')]);
  });

  test('an alias is made, listed and removed; mistakes are told', async () => {
    expect((await call('POST', 'aliases', { name: 'quick', model: STARTER })).status).toBe(201);
    expect(await (await call('GET', 'aliases')).json()).toMatchObject({
      data: expect.arrayContaining([{ name: 'quick', model: STARTER }]),
    });
    expect(await (await call('DELETE', 'aliases/quick')).json()).toEqual({ name: 'quick', model: STARTER });
    expect((await call('DELETE', 'aliases/quick')).status).toBe(404);
    expect((await call('POST', 'aliases', { name: 'quick' })).status).toBe(400);
    expect((await call('POST', 'aliases', { name: 'quick', model: 'nothing' })).status).toBe(404);
    expect((await call('POST', 'aliases', { name: STARTER, model: STARTER })).status).toBe(400);
  });
});

describe('semantic models', () => {
  test('ls marks what the daemon has in memory, and knows it as used when the daemon is gone', async () => {
    expect((await cli('ls')).stdout).toMatch(/^smollm2-135m-instruct +resident +98 MB +llama +4-bit g32 +8192 +\d+ s ago +[0-9a-f]{12}$/m);
    daemon.signal('SIGTERM');
    await daemon.ended();
    expect((await cli('ls')).stdout).toMatch(
      /^smollm2-135m-instruct +installed +98 MB +llama +4-bit g32 +8192 +\d+ \w+ ago +[0-9a-f]{12}$/m,
    );
    expect(JSON.parse((await cli('show', STARTER, '--json')).stdout)).toMatchObject({ state: 'installed', source: STARTER });
    const dry = await cli('rm', STARTER, '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toEqual({ id: STARTER, object: 'model.removed', bytes: 98_362_432, dry_run: true });
    expect(JSON.parse((await cli('verify', STARTER, '--json')).stdout)).toMatchObject({ ok: true, files: [{ state: 'whole' }] });
    expect(await cli('show', 'nothing')).toMatchObject({ exitCode: 4 });
    expect(await cli('rm', STARTER)).toMatchObject({ exitCode: 2 });
  });
});
