import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentClient } from '../../../src/client/agent-client.js';
import { AgentApi, LONG_SYSTEM } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { rejection } from '../../rejection.js';

let daemon: TestDaemon;
let ann: AgentApi;
let ben: AgentApi;
let nobody: AgentApi;
let owner: AgentClient;
beforeAll(async () => {
  daemon = await startDaemon();
  ann = new AgentApi(daemon, { authorization: 'Bearer key-of-ann' });
  ben = new AgentApi(daemon, { 'x-api-key': 'key-of-ben' });
  nobody = new AgentApi(daemon);
  owner = new AgentClient(daemon.summary.socket, 1000);
  await ann.create({ id: 'anns', system: LONG_SYSTEM });
  await ann.say('anns', 'Hi', { max_tokens: 4 });
});
afterAll(async () => {
  await owner.close();
  await daemon.stop();
});

describe('agents of one API key', () => {
  test('are not there for another key, nor without one', async () => {
    for (const other of [ben, nobody]) {
      expect(await other.list()).toEqual([]);
      for (const [method, path, body] of [
        ['GET', '/agents/anns'],
        ['GET', '/cache/agents/anns'],
        ['DELETE', '/agents/anns'],
        ['POST', '/agents/anns/generate', { input: 'Hi' }],
        ['POST', '/agents/anns/fork'],
        ['POST', '/agents/anns/rewind', { turns: 1 }],
        ['POST', '/agents/anns/pin'],
        ['POST', '/agents/anns/export'],
        ['POST', '/cache/evict', { agent: 'anns', to: 'none' }],
      ] as const) {
        const { status, body: told } = await other.call(method, path, body);
        expect([path, status, told]).toEqual([
          path,
          404,
          { error: expect.objectContaining({ message: expect.not.stringContaining('Did you mean') }) },
        ]);
      }
    }
    expect((await ann.show('anns')).turns).toBe(1);
  });

  test('share no KV with those of another key, not even by the same text', async () => {
    await ben.create({ id: 'bens', system: LONG_SYSTEM });
    expect((await ben.say('bens', 'Hi', { max_tokens: 4 })).usage.cached_tokens).toBe(0);
    await ann.create({ id: 'anns.too', system: LONG_SYSTEM });
    expect((await ann.say('anns.too', 'Hi', { max_tokens: 4 })).usage.cached_tokens).toBeGreaterThan(256);
  });

  test('their blocks are shown to them alone, and to the owner of the socket', async () => {
    await owner.evict({ agent: 'anns', to: 'disk', dryRun: false });
    const { blocks } = await owner.chain('anns');
    const { hash, text } = blocks[0]!;
    expect(text).toContain('gardener');
    const seen = async (api: AgentApi) => (await api.call('GET', `/cache/blocks/${hash}`)).status;
    expect([await seen(ann), await seen(ben), await seen(nobody)]).toEqual([200, 400, 400]);
    expect((await owner.block(hash.slice(0, 12))).hash).toBe(hash);
  });
});

test('over the Unix socket all agents are seen', async () => {
  expect((await owner.list()).map(({ id }) => id).toSorted()).toEqual(['anns', 'anns.too', 'bens']);
  expect((await owner.show('bens')).turns).toBe(1);
  expect((await rejection(owner.show('ben'))).message).toContain('Did you mean bens?');
});
