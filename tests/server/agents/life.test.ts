import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentApi, eventsOf, LONG_SYSTEM } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';

let daemon: TestDaemon;
let api: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_SERVER_MAX_BODY_BYTES: '100000' }); // an import is larger
  api = new AgentApi(daemon);
});
afterAll(() => daemon.stop());

const FIRST = 'Which beds are there?';
const SECOND = 'What grows in the last one?';

describe('the life of an agent', () => {
  test('it is made with a conversation, and shown with all that is known of it', async () => {
    const made = await api.create({ id: 'garden', system: LONG_SYSTEM, ttl_seconds: 3600, max_tokens: 4000 });
    expect(made).toMatchObject({
      object: 'agent',
      id: 'garden',
      parent: null,
      children: [],
      state: 'idle',
      turns: 0,
      tokens: 0,
      cache: null,
    });
    expect(made.policy).toMatchObject({ ttl_seconds: 3600, pinned: false, max_tokens: 4000 });
    const shown = await api.show('garden');
    expect(shown.messages).toEqual([{ role: 'system', content: LONG_SYSTEM }]);
    expect(Math.abs(shown.created_at - Date.now() / 1000)).toBeLessThan(60);
  });

  test('its second turn sends only the new text, and prefills only that', async () => {
    const first = await api.say('garden', FIRST);
    expect(first).toMatchObject({ object: 'agent.turn', agent: 'garden', usage: { cached_tokens: 0 }, cache: { source: 'none' } });
    expect(first.usage.created_tokens).toBeGreaterThan(256);
    const second = await api.say('garden', SECOND);
    expect(second.usage.cached_tokens).toBeGreaterThanOrEqual(first.usage.prompt_tokens);
    expect(second.usage.prompt_tokens - second.usage.cached_tokens).toBeLessThan(40);
    expect(second.usage.created_tokens).toBe(second.usage.prompt_tokens - second.usage.cached_tokens);
    expect(second.cache).toEqual({ source: 'memory', miss: null });
    const shown = await api.show('garden');
    expect(shown.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
    expect(shown.messages.at(-1)?.content).toBe(second.text);
    expect(shown).toMatchObject({ turns: 2, tokens: second.usage.prompt_tokens + second.usage.completion_tokens });
    expect(shown.kv.memory_tokens).toBeGreaterThanOrEqual(second.usage.prompt_tokens);
    expect(shown.cache).toMatchObject({ cached_tokens: second.usage.cached_tokens, miss: null });
    expect(shown.usage.completion_tokens).toBe(first.usage.completion_tokens + second.usage.completion_tokens);
  });

  test('the answer is the one that the whole conversation gets without any cache', async () => {
    const { messages } = await api.show('garden');
    const cold = await daemon.chat({ messages: messages.slice(0, -1), temperature: 0, max_tokens: 16, cache_prompt: false });
    const { choices } = (await cold.json()) as { choices: { message: { content: string } }[] };
    expect(choices[0]?.message.content).toBe(messages.at(-1)?.content);
  });

  test('its forks answer as it does itself, at once and one by one', async () => {
    const children = await Promise.all(['one', 'two', 'three'].map((id) => api.fork('garden', id)));
    expect(children.map(({ parent, turns }) => [parent, turns])).toEqual(Array.from({ length: 3 }, () => ['garden', 2]));
    expect(new Set((await api.show('garden')).children)).toEqual(new Set(['one', 'two', 'three']));
    const answers = await Promise.all(['garden', 'one', 'two'].map((id) => api.say(id, 'Name a tool.')));
    answers.push(await api.say('three', 'Name a tool.'));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    for (const { usage } of answers) expect(usage.prompt_tokens - usage.cached_tokens).toBeLessThan(40);
    expect((await api.fork('garden')).id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
  });

  test('rewound, it gives the same answer again', async () => {
    const before = await api.show('one');
    const { status, body } = await api.call('POST', '/agents/one/rewind', { turns: 1 });
    expect([status, body]).toEqual([200, expect.objectContaining({ turns: 2 })]);
    const again = await api.say('one', 'Name a tool.');
    expect(again.text).toBe(before.messages.at(-1)?.content);
    expect(again.usage.prompt_tokens - again.usage.cached_tokens).toBeLessThan(40);
    await api.call('POST', '/agents/one/rewind', { messages: 3 });
    expect((await api.show('one')).messages).toHaveLength(3);
    expect((await api.say('one', SECOND)).text).toBe((await api.show('garden')).messages[4]?.content);
  });

  test('exported, purged and imported it goes on with the same tokens', async () => {
    const wanted = await api.say('two', 'And another tool.');
    await api.call('POST', '/agents/two/rewind', { turns: 1 });
    const exported = await api.fetch('POST', '/agents/two/export');
    expect(exported.headers.get('content-type')).toBe('application/octet-stream');
    expect(exported.headers.get('content-disposition')).toMatch(/^attachment; filename="two\./);
    const file = new Uint8Array(await exported.arrayBuffer());
    expect(file.length).toBe(Number(exported.headers.get('content-length')));
    const { status } = await api.call('DELETE', '/agents/two?purge=true');
    expect([status, (await api.call('GET', '/agents/two')).status]).toEqual([200, 404]);
    const imported = await api.fetch('POST', '/agents/import?id=two.again', file);
    expect([imported.status, await imported.json()]).toEqual([201, expect.objectContaining({ id: 'two.again', turns: 3 })]);
    const again = await api.say('two.again', 'And another tool.');
    expect(again.text).toBe(wanted.text);
    expect(again.usage.cached_tokens).toBeGreaterThan(256);
  });

  test('a damaged or cut file, and one that is none, are refused to a client that still sends', async () => {
    const file = new Uint8Array(await (await api.fetch('POST', '/agents/garden/export')).arrayBuffer());
    const before = (await api.list()).length;
    const broken = Uint8Array.from(file);
    const middle = Math.floor(file.length / 2);
    broken[middle] = broken[middle]! ^ 1;
    for (const bytes of [broken, file.subarray(0, middle), Buffer.alloc(3_000_000, 'x'), Buffer.from('x')]) {
      const { status } = await api.fetch('POST', '/agents/import?id=broken', bytes);
      expect(status).toBe(400);
    }
    expect((await api.fetch('POST', '/agents/import?id=broken')).status).toBe(400);
    expect((await api.fetch('POST', '/agents/import?id=garden', file)).status).toBe(409);
    expect((await api.list()).length).toBe(before);
  });

  test('an upload or a download that breaks off leaves nothing behind, and is no failure of the daemon', async () => {
    const before = (await api.list()).length;
    const { hostname, port } = new URL(daemon.summary.address);
    const upload = httpRequest({ hostname, port, method: 'POST', path: '/v1/agents/import?id=half', headers: { 'content-length': 1e9 } });
    upload.on('error', () => undefined);
    const file = new Uint8Array(await (await api.fetch('POST', '/agents/garden/export')).arrayBuffer());
    await new Promise((resolve) => upload.write(file, resolve));
    upload.destroy();
    const download = new AbortController();
    const { body } = await api.fetch('POST', '/agents/garden/export', undefined, download.signal);
    await body!.getReader().read();
    download.abort();
    await until(
      () => daemon.stderr(),
      (log) => log.includes('"code":"cancelled"'),
    );
    // The line comes when the connection is gone, and what had begun is taken back after that.
    const left = await until(
      () => api.list(),
      ({ length }) => length === before,
    );
    expect(left.some(({ id }) => id === 'half')).toBe(false);
    expect(daemon.stderr()).not.toMatch(/"level":50[^\n]*half|"code":"internal"/);
    const again = new Uint8Array(await (await api.fetch('POST', '/agents/garden/export')).arrayBuffer());
    expect(again.length).toBe(file.length);
  });

  test('removed, its children stay; a dry run removes nothing', async () => {
    const child = await api.fork('three', 'three.child');
    expect(child.parent).toBe('three');
    const dry = await api.call('DELETE', '/agents/three?purge=true&dry_run=true');
    expect(dry.body).toMatchObject({ object: 'agent.removed', id: 'three', purged: true, dry_run: true });
    expect((await api.show('three')).id).toBe('three');
    const { body } = await api.call('DELETE', '/agents/three');
    expect(body).toMatchObject({ id: 'three', purged: false, dry_run: false, blocks: 0 });
    expect((await api.show('three.child')).parent).toBe('garden');
  });

  test('its policy can be changed; what is not said stays', async () => {
    const { body } = await api.call('PATCH', '/agents/garden', { ttl_seconds: null });
    expect(body).toMatchObject({ policy: { ttl_seconds: null, max_tokens: 4000 } });
    expect((await api.call('POST', '/agents/garden/pin')).body).toMatchObject({ policy: { pinned: true } });
    expect((await api.call('POST', '/agents/garden/pin', { pinned: false })).body).toMatchObject({ policy: { pinned: false } });
  });
});

describe('a turn', () => {
  test('streamed it has typed events in order, and the text of the whole answer', async () => {
    await api.create({ id: 'streamed', system: 'Be brief.' });
    await api.create({ id: 'whole', system: 'Be brief.' });
    const body = { input: 'Name three colours.', temperature: 0, max_tokens: 12, logprobs: true, top_logprobs: 2, stream: true };
    const response = await api.fetch('POST', '/agents/streamed/generate', body);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const [raw, copy] = response.body!.tee();
    const events = await eventsOf(new Response(copy));
    const named = [...(await new Response(raw).text()).matchAll(/^event: (\w+)\ndata: \{"type":"(\w+)"/gm)];
    expect(named.length).toBe(events.length);
    for (const [, name, type] of named) expect(name).toBe(type);
    const types = events.map(({ type }) => type);
    expect([types.slice(0, 2), types.at(-1)]).toEqual([['agent', 'started'], 'finished']);
    expect(new Set(types.slice(2, -1))).toEqual(new Set(['delta']));
    const whole = await api.say('whole', 'Name three colours.', { max_tokens: 12, logprobs: true, top_logprobs: 2 });
    expect(events.map(({ text }) => text ?? '').join('')).toBe(whole.text);
    expect(events.at(-1)).toMatchObject({
      finish_reason: whole.finish_reason,
      usage: { completion_tokens: whole.usage.completion_tokens },
    });
    expect(events[1]).toMatchObject({ cache: { prompt_tokens: whole.usage.prompt_tokens } });
    expect(whole.logprobs).toHaveLength(whole.usage.completion_tokens);
    expect(whole.logprobs?.[0]?.top_logprobs).toHaveLength(2);
    expect((await api.show('streamed')).messages).toEqual((await api.show('whole')).messages);
  });

  test('with other tools it says why it was read again, in words', async () => {
    await api.create({ id: 'tools', system: LONG_SYSTEM });
    await api.say('tools', 'Hi', { max_tokens: 2 });
    await api.call('POST', '/agents/tools/rewind', { messages: 0 });
    const { cache, usage } = await api.say('tools', 'Hi', { max_tokens: 2 });
    expect(cache.miss?.cause).toMatch(/system_prompt|edited_turn/);
    expect(usage.cached_tokens).toBeLessThan(usage.prompt_tokens);
    expect((await api.show('tools')).cache?.miss).toMatchObject({ cause: cache.miss?.cause, was: expect.any(String) });
  });
});

describe('a chat completion', () => {
  test('says in a header what became of its prompt, streamed or not', async () => {
    const messages = [
      { role: 'system', content: LONG_SYSTEM.replaceAll('Bed', 'Row') },
      { role: 'user', content: 'Hi' },
    ];
    const body = { messages, temperature: 0, max_tokens: 4, session_id: 'header' };
    const header = async (more: object) => {
      const response = await daemon.chat({ ...body, ...more });
      await response.text();
      return response.headers.get('x-semantic-cache');
    };
    expect(await header({})).toMatch(/^\w+; cached=\d{1,2}; prompt=\d{3}/); // the template's own first tokens, at most
    expect(await header({ stream: true })).toMatch(/^memory; cached=(\d+); prompt=\d+$/);
    const edited = [{ role: 'system', content: LONG_SYSTEM.replaceAll('Bed', 'Row').replace('number 140', 'number 141') }, messages[1]];
    expect(await header({ messages: edited })).toMatch(/^memory; cached=\d{3}; prompt=\d+; miss=system_prompt; token=\d{3}$/);
  });
});
