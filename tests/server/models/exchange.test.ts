/** Models exchanged in a real daemon: over HTTP, by the commands, under clients, and through kill -9. */
import { truncateSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ResidentListBody, SwapBody } from '../../../src/client/residency-bodies.js';
import { sseData } from '../../../src/client/sse-lines.js';
import { AgentApi, type ErrorBody } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { semantic } from '../../support/run-semantic.js';
import { STARTER_MODEL } from '../../support/starter-model.js';
import { createTwoModels, OTHER_MODEL, type TwoModels } from '../../support/two-models.js';

let home: TwoModels;
let daemon: TestDaemon;

const start = (name = 'first'): Promise<TestDaemon> =>
  startDaemon(['--context', '2048', '--socket', `${home.path}/${name}.sock`], {
    SEMANTIC_HOME: home.path,
    SEMANTIC_STORE_DIRECTORY: `${home.path}/kv-${name}`,
    SEMANTIC_STORE_MIN_FREE_MB: '0',
  });

beforeAll(async () => {
  home = createTwoModels();
  daemon = await start();
});
afterAll(async () => {
  await daemon.stop();
  home.remove();
});

const api = (): AgentApi => new AgentApi(daemon);

/** The states of an exchange; `onState` is called as they come. */
async function swap(model: string, onState: (state: string) => void = () => undefined): Promise<SwapBody> {
  const response = await api().fetch('POST', '/admin/models/swap', { model, stream: true });
  let last: SwapBody | null = null;
  for await (const data of sseData(response.body!)) {
    if (data === '[DONE]') break;
    last = JSON.parse(data) as SwapBody;
    onState(last.state);
  }
  return last!;
}

async function askedAs(model: string): Promise<string | ErrorBody> {
  const response = await daemon.chat({ model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 });
  const body = (await response.json()) as { model: string } & ErrorBody;
  return response.status === 200 ? body.model : body;
}

describe('over HTTP', () => {
  test('an exchange says its states, and from then on the new model answers, vendors names included', async () => {
    const report = await swap(OTHER_MODEL);
    expect(report).toMatchObject({ object: 'model.swap', state: 'done', from: STARTER_MODEL, to: OTHER_MODEL, cut: 0, error: null });
    expect(report.states.map(({ state }) => state)).toEqual([
      'preparing',
      'draining',
      'persisting',
      'unloading',
      'loading',
      'resuming',
      'done',
    ]);
    expect(await askedAs(OTHER_MODEL)).toBe(OTHER_MODEL);
    expect(await askedAs('claude-opus-4-1')).toBe(OTHER_MODEL);
    expect(await askedAs(STARTER_MODEL)).toMatchObject({
      error: { code: 'model_not_found', message: expect.stringContaining('semantic models swap') },
    });
    const { data } = (await api().call<{ data: { id: string }[] }>('GET', '/models')).body;
    expect(data.map(({ id }) => id)).toEqual([OTHER_MODEL]);
    expect((await api().call<SwapBody>('GET', `/admin/models/swap/${report.id}`)).body).toMatchObject({ id: report.id, state: 'done' });
    expect((await api().call<{ data: SwapBody[] }>('GET', '/admin/models/swap')).body.data.at(-1)!.id).toBe(report.id);
    await swap(STARTER_MODEL);
  });

  test('an exchange that nobody follows is answered at once, and goes on', async () => {
    const { status, body } = await api().call<SwapBody>('POST', '/admin/models/swap', { model: OTHER_MODEL, drain_seconds: 1 });
    expect([status, body.state]).toEqual([202, 'preparing']);
    await until(
      async () => (await api().call<SwapBody>('GET', `/admin/models/swap/${body.id}`)).body.state,
      (state) => state === 'done',
    );
    await swap(STARTER_MODEL);
  });

  test('streams of all dialects end while their model leaves, and new requests are answered by the next one', async () => {
    const story = { messages: [{ role: 'user', content: 'Tell me a story.' }], max_tokens: 60, stream: true };
    const streams = Array.from({ length: 8 }, async (_, i) => {
      const path = i % 2 === 0 ? '/chat/completions' : '/messages';
      return (await api().fetch('POST', path, { ...story, model: 'claude-sonnet-4' })).text();
    });
    await until(
      async () => (await daemon.status()).engine.running,
      (running) => running === 8,
    );
    let late: Promise<string | ErrorBody> | null = null;
    let ready: Promise<Response> | null = null;
    const report = await swap(OTHER_MODEL, (state) => {
      if (state !== 'draining') return;
      late = askedAs('gpt-5');
      ready = fetch(`${daemon.summary.address}/health/ready`);
    });
    expect(report).toMatchObject({ state: 'done', cut: 0 });
    expect(await late!).toBe(OTHER_MODEL);
    const health = await ready!;
    expect([health.status, await health.json()]).toEqual([503, { status: 'swapping' }]);
    for (const [i, text] of (await Promise.all(streams)).entries()) expect(text).toContain(i % 2 === 0 ? '[DONE]' : 'event: message_stop');
    await swap(STARTER_MODEL);
  });

  test('a stream that is cut for an exchange ends with an error event of its dialect', async () => {
    const story = {
      model: 'x',
      messages: [{ role: 'user', content: 'Tell me a story.' }],
      max_tokens: 1900,
      stream: true,
      ignore_eos: true,
    };
    const streams = [
      api().fetch('POST', '/chat/completions', { ...story, model: 'gpt-5' }),
      api().fetch('POST', '/messages', { ...story, model: 'claude-opus-4', stop_sequences: ['#never#'] }),
    ];
    await until(
      async () => (await daemon.status()).engine.running,
      (running) => running === 2,
    );
    const { body } = await api().call<SwapBody>('POST', '/admin/models/swap', { model: OTHER_MODEL, drain_seconds: 0 });
    const [chat, messages] = await Promise.all(streams.map(async (stream) => (await stream).text()));
    expect(chat).toContain('model_unavailable');
    expect(messages).toContain('event: error');
    await until(
      async () => (await api().call<SwapBody>('GET', `/admin/models/swap/${body.id}`)).body.state,
      (state) => state === 'done',
    );
    await swap(STARTER_MODEL);
  });

  test.each([
    ['a name nobody knows', 'swap', { model: 'no-such' }, 404, 'model_not_found'],
    ['no name', 'swap', {}, 400, 'invalid_request'],
    ['a time that is none', 'swap', { model: OTHER_MODEL, drain_seconds: -1 }, 400, 'invalid_request'],
    ['a field that is not there', 'load', { model: OTHER_MODEL, force: true }, 400, 'invalid_request'],
    ['a place that is taken', 'load', { model: OTHER_MODEL }, 409, 'model_conflict'],
    ['what is not in memory', 'unload', { model: OTHER_MODEL }, 409, 'model_conflict'],
    ['a pin on what is not in memory', 'pin', { model: OTHER_MODEL }, 409, 'model_conflict'],
  ])('%s is refused', async (_, verb, body, status, code) => {
    const answer = await api().call<ErrorBody>('POST', `/admin/models/${verb}`, body);
    expect(answer).toMatchObject({ status, body: { error: { code } } });
  });

  test('an exchange that never was is a 404', async () => {
    expect(await api().call<ErrorBody>('GET', '/admin/models/swap/swap_0')).toMatchObject({
      status: 404,
      body: { error: { code: 'swap_not_found' } },
    });
  });

  test('an agent is answered by the model its turn names', async () => {
    await api().create({ id: 'named' });
    const refused = await api().call<ErrorBody>('POST', '/agents/named/generate', { input: 'Hi', model: OTHER_MODEL });
    expect(refused).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } });
    expect((await api().call('POST', '/agents/named/generate', { input: 'Hi', model: STARTER_MODEL, max_tokens: 2 })).status).toBe(200);
  });
});

describe('by the commands', () => {
  const run = (...args: string[]) => semantic(['models', ...args, '--socket', daemon.summary.socket], { home: home.path });

  test('swap, pin, unpin, unload and load say what they did', async () => {
    expect(await run('swap', OTHER_MODEL)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^other answers now, after \d+\.\d s$/),
    });
    expect(await run('pin', OTHER_MODEL)).toMatchObject({ exitCode: 0, stdout: 'other stays in memory' });
    expect(await run('swap', STARTER_MODEL)).toMatchObject({ exitCode: 9, stderr: expect.stringContaining('semantic models unpin other') });
    expect(await run('unpin', OTHER_MODEL)).toMatchObject({ exitCode: 0, stdout: 'other may make way for others' });
    expect(await run('unload', OTHER_MODEL)).toMatchObject({ exitCode: 0, stdout: 'other is out of memory' });
    expect(await askedAs('claude-opus-4')).toMatchObject({ error: { code: 'model_unavailable' } });
    const { body } = await api().call<ResidentListBody>('GET', '/admin/models/resident');
    expect(body).toMatchObject({ state: 'empty', data: [] });
    const loaded = await run('load', STARTER_MODEL, '--json');
    expect(JSON.parse(loaded.stdout)).toMatchObject({ id: STARTER_MODEL, current: true, pinned: false });
    expect(await askedAs('claude-opus-4')).toBe(STARTER_MODEL);
  });

  test('an exchange that fails ends with 9 and says which model answers', async () => {
    const file = home.addOther('broken', 500);
    truncateSync(file, 50_000_000);
    const failed = await run('swap', 'broken', '--json');
    expect(failed.exitCode).toBe(9);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      error: { code: 'ModelSwap', message: expect.stringContaining(`${STARTER_MODEL} answers as before`) },
    });
    expect(await askedAs(STARTER_MODEL)).toBe(STARTER_MODEL);
  });
});

describe('kill -9 in the middle of an exchange', () => {
  const words = `Remember these: ${'apple pear plum grape '.repeat(80)}`;

  test.each(['preparing', 'draining', 'persisting', 'unloading', 'loading', 'resuming'])(
    'while it is %s: the next start serves a model, and every agent has its KV',
    async (killed) => {
      const victim = await start(killed);
      const agents = new AgentApi(victim);
      await agents.create({ id: 'a' });
      const first = await agents.call<{ usage: { prompt_tokens: number } }>('POST', '/agents/a/generate', {
        input: words,
        max_tokens: 4,
        temperature: 0,
      });
      await until(
        async () => (await victim.status()).engine.parking.pending,
        (pending) => pending === 0,
      );
      const response = await agents.fetch('POST', '/admin/models/swap', { model: OTHER_MODEL, stream: true });
      try {
        for await (const data of sseData(response.body!)) {
          if (data !== '[DONE]' && (JSON.parse(data) as SwapBody).state === killed) break;
        }
      } finally {
        victim.signal('SIGKILL');
      }
      await victim.ended();
      const next = await start(killed);
      const turn = await new AgentApi(next).call<{ usage: { cached_tokens: number } }>('POST', '/agents/a/generate', {
        input: 'Which was first?',
        max_tokens: 4,
      });
      expect(turn.status).toBe(200);
      expect(turn.body.usage.cached_tokens).toBeGreaterThanOrEqual(first.body.usage.prompt_tokens);
      await next.stop();
      await victim.stop();
    },
  );
});
