import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentApi, type ErrorBody } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
let api: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon(['--context', '256']);
  api = new AgentApi(daemon);
  await api.create({ id: 'agent-one' });
});
afterAll(() => daemon.stop());

const VERBS = [
  ['GET', ''],
  ['PATCH', ''],
  ['DELETE', ''],
  ['POST', '/generate'],
  ['POST', '/fork'],
  ['POST', '/rewind'],
  ['POST', '/pin'],
  ['POST', '/export'],
] as const;
const BODIES: Readonly<Record<string, object>> = { '': { pinned: true }, '/generate': { input: 'Hi' }, '/rewind': { turns: 1 } };
const bodyOf = (method: string, verb: string) => (method === 'GET' || method === 'DELETE' ? undefined : (BODIES[verb] ?? {}));

/** As it stands: fetch() would tidy the path first. */
async function raw(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly body: ErrorBody }> {
  const { hostname, port } = new URL(daemon.summary.address);
  const request = httpRequest({ hostname, port, method, path: `/v1${path}` });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: (await json(response)) as ErrorBody };
}

describe('ids', () => {
  const BAD = [
    ['a way out', '..%2f..%2fetc'],
    ['the folder above', '..'],
    ['the folder above, escaped', '%2e%2e'],
    ['a slash', 'a%2fb'],
    ['a backslash', 'a%5cb'],
    ['129 characters', 'a'.repeat(129)],
    ['thousands of characters', 'a'.repeat(9000)],
    ['letters beyond ASCII', '%C3%BCber'],
    ['a zero byte', 'a%00'],
    ['a line break', 'a%0Ab'],
    ['a space', 'a%20b'],
    ['a leading dot', '.hidden'],
    ['a leading dash', '-rf'],
    ['nothing', ''],
  ] as const;

  test.each(BAD)('%s is 400 at every verb', async (_name, id) => {
    for (const [method, verb] of VERBS) {
      const path = id === '' && verb === '' ? null : `/agents/${id}${verb}`;
      if (path === null) continue; // that is the list
      const { status, body } = await raw(method, path, bodyOf(method, verb));
      expect([method, verb, status, body.error]).toEqual([
        method,
        verb,
        400,
        expect.objectContaining({ code: 'invalid_request', param: 'id' }),
      ]);
    }
    expect((await raw('GET', `/cache/agents/${id}`)).status).toBe(400);
  });

  test.each(BAD)('%s is 400 as the id of a new agent, a fork, an import and an eviction', async (_name, encoded) => {
    const id = decodeURIComponent(encoded);
    for (const [path, body] of [
      ['/agents', { id }],
      ['/agents/agent-one/fork', { id }],
      ['/cache/evict', { agent: id, to: 'disk' }],
    ] as const) {
      expect([path, (await api.call('POST', path, body)).status]).toEqual([path, 400]);
    }
    expect((await api.fetch('POST', `/agents/import?id=${encodeURIComponent(id)}`, Buffer.alloc(3_000_000))).status).toBe(400);
  });

  test('an escape that is none is 400 in our own words', async () => {
    const { status, body } = await api.call<ErrorBody>('GET', '/agents/%zz');
    expect([status, body.error.code]).toEqual([400, 'invalid_request']);
  });

  test('one that is not there is 404, with the one that was probably meant', async () => {
    for (const [method, verb] of VERBS) {
      const { status, body } = await api.call<ErrorBody>(method, `/agents/agent-two${verb}`, bodyOf(method, verb));
      expect([method, verb, status, body.error.code]).toEqual([method, verb, 404, 'agent_not_found']);
      expect(body.error.message).toContain('Did you mean agent-one?');
    }
    const evict = await api.call<ErrorBody>('POST', '/cache/evict', { agent: 'agent-on', to: 'disk' });
    expect(evict).toMatchObject({ status: 404, body: { error: { message: expect.stringContaining('Did you mean agent-one?') } } });
    expect((await api.call<ErrorBody>('GET', '/agents/nothing-like-it')).body.error.message).not.toContain('Did you mean');
  });
});

describe('bodies', () => {
  test.each([
    ['/agents', { id: 5 }, 'id'],
    ['/agents', { persist: 'tape' }, 'persist'],
    ['/agents', { ttl_seconds: -1 }, 'ttl_seconds'],
    ['/agents', { max_tokens: 0 }, 'max_tokens'],
    ['/agents', { messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
    ['/agents', { tools: 'hammer' }, 'tools'],
    ['/agents', { sytem: 'x' }, 'sytem'],
    ['/agents', [], 'body'],
    ['/agents/agent-one/generate', {}, 'input'],
    ['/agents/agent-one/generate', { input: 5 }, 'input'],
    ['/agents/agent-one/generate', { input: 'Hi', stream: 1 }, 'stream'],
    ['/agents/agent-one/generate', { input: 'Hi', top_p: 0 }, 'top_p'],
    ['/agents/agent-one/generate', { input: 'Hi', logit_bias: { 99999999: 1 } }, 'logit_bias'],
    ['/agents/agent-one/generate', { input: 'Hi', session_id: 'x' }, 'session_id'],
    ['/agents/agent-one/rewind', {}, 'turns'],
    ['/agents/agent-one/rewind', { turns: 1 }, 'turns'],
    ['/agents/agent-one/rewind', { messages: 99 }, 'messages'],
    ['/agents/agent-one/pin', { pinned: 'yes' }, 'pinned'],
    ['/cache/evict', {}, 'to'],
    ['/cache/evict', { to: 'moon' }, 'to'],
    ['/cache/evict', { to: 'disk', dryrun: true }, 'dryrun'],
  ] as const)('POST %s %j is 400 and names the field', async (path, body, param) => {
    const { status, body: told } = await api.call<ErrorBody>('POST', path, body);
    expect([status, told.error]).toEqual([
      400,
      { message: expect.any(String), type: 'invalid_request_error', param, code: 'invalid_request' },
    ]);
  });

  test('an unknown field is told with the one that was meant', async () => {
    const { body } = await api.call<ErrorBody>('POST', '/agents/agent-one/generate', { input: 'Hi', max_token: 5 });
    expect(body.error.message).toContain('Did you mean max_tokens?');
  });

  test('queries are checked like bodies', async () => {
    for (const path of ['/agents/agent-one?purge=maybe', '/agents/agent-one?dryrun=true', '/agents/agent-one?dry_run='])
      expect([path, (await api.call('DELETE', path)).status]).toEqual([path, 400]);
    expect((await api.fetch('POST', '/agents/import?name=x', Buffer.from('x'))).status).toBe(400);
    expect((await api.show('agent-one')).id).toBe('agent-one');
  });

  test('JSON that is none is 400', async () => {
    const response = await fetch(`${daemon.summary.address}/v1/agents`, { method: 'POST', body: '{' });
    expect(response.status).toBe(400);
  });

  test('a conversation that does not fit is told in the words clients match, streamed or not', async () => {
    for (const stream of [false, true]) {
      const { status, body } = await api.call<ErrorBody>('POST', '/agents/agent-one/generate', { input: 'word '.repeat(400), stream });
      expect([status, body.error.message]).toEqual([400, expect.stringMatching(/^prompt is too long: \d+ tokens > 256 maximum$/)]);
    }
  });
});

describe('blocks', () => {
  test.each(['xyz', '12345', '..%2f..', 'a'.repeat(65), 'g'.repeat(10)])('%s is no hash', async (hash) => {
    expect((await api.call('GET', `/cache/blocks/${hash}`)).status).toBe(400);
  });

  test('one that is not there is 400 too', async () => {
    expect((await api.call('GET', '/cache/blocks/0123456789')).status).toBe(400);
  });
});

test('after all this the agent is as it was, and answers', async () => {
  expect((await api.list()).map(({ id, turns, policy }) => [id, turns, policy.pinned])).toEqual([['agent-one', 0, false]]);
  expect((await api.say('agent-one', 'Hi', { max_tokens: 2 })).agent).toBe('agent-one');
});
