/** Limits of API keys at a real daemon: what its engine computes for each way of asking is what is charged. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addKey, type KeyLimits } from '../../src/adapters/keys/add-key.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, semantic } from '../support/run-semantic.js';

const home = createHome();
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_HOME: home.path, SEMANTIC_MODEL_CONTEXT: '2048' });
}, 60_000);
afterAll(async () => {
  await daemon.stop();
  home.remove();
});

let number = 0;
async function newKey(limits: KeyLimits): Promise<string> {
  number += 1;
  return (await addKey(join(home.path, 'keys.json'), `limited-${number}`, limits)).key;
}

const post = (path: string, body: object, key: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${daemon.summary.address}${path}`, {
    method: 'POST',
    headers: { 'x-api-key': key },
    body: JSON.stringify({ model: daemon.summary.model.id, ...body }),
    ...init,
  });

/** Of a key that has one token a minute: it waits as many minutes as tokens were charged, less what the test took of the last one. */
async function chargedTo(key: string): Promise<number> {
  const refused = await post('/v1/chat/completions', {}, key);
  expect([refused.status, await refused.json()]).toEqual([429, { error: expect.objectContaining({ code: 'rate_limited' }) }]);
  return Math.ceil(Number(refused.headers.get('retry-after')) / 60);
}

interface OpenAiUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}
const costOf = ({ prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: details }: OpenAiUsage): number =>
  prompt - details.cached_tokens + completion;

const messages = [{ role: 'user', content: 'Count to ten.' }];
const SHORT = { max_tokens: 5, ignore_eos: true };

test('what a job computes is charged to the key that made it', async () => {
  const key = await newKey({ tokensPerMinute: 1 });
  const body = { model: daemon.summary.model.id, messages, ...SHORT };
  const made = await fetch(`${daemon.summary.address}/v1/jobs`, {
    method: 'POST',
    headers: { 'x-api-key': key },
    body: JSON.stringify({ endpoint: '/v1/chat/completions', body }),
  });
  expect(made.status).toBe(201);
  await until(
    async () => (await fetch(`${daemon.summary.address}/v1/models`, { headers: { 'x-api-key': key } })).status,
    (status) => status === 429,
  );
  expect(await chargedTo(key)).toBeGreaterThan(5);
});

describe('tokens are charged as the engine reports them', () => {
  test.each<[string, string, object, (body: never) => number]>([
    ['a chat completion', '/v1/chat/completions', { messages, ...SHORT }, ({ usage }: { usage: OpenAiUsage }) => costOf(usage)],
    ['a completion', '/v1/completions', { prompt: 'One, two,', ...SHORT }, ({ usage }: { usage: OpenAiUsage }) => costOf(usage)],
    [
      'a message',
      '/v1/messages',
      { messages, max_tokens: 5 },
      ({ usage }: { usage: { input_tokens: number; cache_creation_input_tokens: number; output_tokens: number } }) =>
        usage.input_tokens + usage.cache_creation_input_tokens + usage.output_tokens,
    ],
    [
      'a response',
      '/v1/responses',
      { input: 'Count to ten.', max_output_tokens: 5 },
      ({ usage }: { usage: { input_tokens: number; output_tokens: number; input_tokens_details: { cached_tokens: number } } }) =>
        usage.input_tokens - usage.input_tokens_details.cached_tokens + usage.output_tokens,
    ],
    [
      'an embedding by the decoder',
      '/v1/embeddings',
      { input: ['a text', 'another one'] },
      ({ usage }: { usage: { prompt_tokens: number } }) => usage.prompt_tokens,
    ],
  ])('%s', async (_name, path, body, costIn) => {
    const key = await newKey({ tokensPerMinute: 1 });
    const reply = await post(path, body, key);
    expect(reply.status).toBe(200);
    const cost = costIn((await reply.json()) as never);
    expect([await chargedTo(key), cost]).toEqual([cost, expect.toSatisfy((tokens: number) => tokens > 1)]);
  });

  test('a turn of an agent, whose stream says what is left too', async () => {
    const key = await newKey({ tokensPerMinute: 1, requestsPerMinute: 100 });
    const made = await post('/v1/agents', { id: 'limited', model: undefined }, key);
    expect(made.status).toBe(201);
    const reply = await post('/v1/agents/limited/generate', { input: 'Hi', stream: true, ...SHORT }, key);
    expect([reply.status, reply.headers.get('x-ratelimit-limit-tokens')]).toEqual([200, '1']);
    const said = await reply.text();
    const { usage } = JSON.parse(/^data: (.*"type":"finished".*)$/m.exec(said)![1]!) as {
      usage: { prompt_tokens: number; cached_tokens: number; completion_tokens: number };
    };
    expect(await chargedTo(key)).toBe(usage.prompt_tokens - usage.cached_tokens + usage.completion_tokens);
  });

  test('a stream says what is left in its head; what is cached is free for who asks again', async () => {
    const key = await newKey({ tokensPerMinute: 1 });
    const question = { messages: [{ role: 'user', content: `Remember: ${'one two three '.repeat(60)}` }], ...SHORT };
    const wanted = { ...question, stream: true, stream_options: { include_usage: true } };
    const reply = await post('/v1/chat/completions', wanted, key);
    expect([reply.headers.get('x-ratelimit-remaining-tokens'), reply.headers.get('x-ratelimit-limit-requests')]).toEqual(['1', null]);
    await reply.text();
    expect(await chargedTo(key)).toBeGreaterThan(150);
    const other = await newKey({ tokensPerMinute: 1_000_000 });
    const again = async (): Promise<OpenAiUsage> =>
      ((await (await post('/v1/chat/completions', { ...question, user: 'same' }, other)).json()) as { usage: OpenAiUsage }).usage;
    expect([costOf(await again()) > 150, costOf(await again()) < 20]).toEqual([true, true]);
  });

  test('an answer that is given up is charged for what there was of it', async () => {
    const key = await newKey({ tokensPerMinute: 1 });
    const gone = new AbortController();
    const reply = await post('/v1/chat/completions', { messages, stream: true, ignore_eos: true }, key, { signal: gone.signal });
    const reader = reply.body!.getReader();
    for (let i = 0; i < 3; i++) await reader.read();
    gone.abort();
    await until(daemon.status, ({ engine }) => engine.running + engine.waiting === 0);
    expect(await chargedTo(key)).toBeGreaterThan(10);
  });
});

describe('limits of settings', () => {
  const reload = async (): Promise<unknown> => {
    const { stdout } = await semantic(['config', 'reload', '--json'], { home: home.path });
    return JSON.parse(stdout) as unknown;
  };

  test('come and go with a reload; refusals are counted; health, metrics and the commands of this machine go on', async () => {
    const one = await newKey({});
    const ask = async (key: string): Promise<number> => (await post('/v1/chat/completions', { messages, max_tokens: 1 }, key)).status;
    expect([await ask(one), await ask(one)]).toEqual([200, 200]);
    writeFileSync(join(home.path, 'config.toml'), '[limits]\nrequests_per_minute = 1\n');
    expect(await reload()).toEqual({ applied: ['limits.requests_per_minute'], needs_restart: [] });
    const { stdout } = await semantic(['keys', 'add', 'ci', '--requests-per-minute', '0', '--json'], { home: home.path });
    const free = JSON.parse(stdout) as { key: string };
    expect(free).toMatchObject({ requests_per_minute: 0, tokens_per_minute: null });
    expect([await ask(one), await ask(one), await ask(free.key), await ask(free.key)]).toEqual([200, 429, 200, 200]);
    const page = async (): Promise<string> => (await fetch(`${daemon.summary.address}/metrics`)).text();
    const counted = /^semantic_rejected_total\{reason="rate_limited"\} (\d+)$/m;
    const before = Number(counted.exec(await page())![1]);
    expect(await ask(one)).toBe(429);
    expect(Number(counted.exec(await page())![1])).toBe(before + 1);
    expect((await fetch(`${daemon.summary.address}/health/ready`)).status).toBe(200);
    for (let i = 0; i < 2; i++) {
      const { stdout: answer } = await semantic(['chat', 'Hi', '--max-tokens', '1', '--json'], { home: home.path });
      expect(JSON.parse(answer)).toMatchObject({ via: 'daemon' });
    }
    writeFileSync(join(home.path, 'config.toml'), '');
    expect(await reload()).toEqual({ applied: ['limits.requests_per_minute'], needs_restart: [] });
    expect(await ask(one)).toBe(200);
  });

  test('are shown by keys ls, and have to be whole and not negative', async () => {
    const run = (...args: string[]) => semantic(['keys', ...args], { home: home.path });
    await run('add', 'guest', '--requests-per-minute', '20', '--tokens-per-minute', '9000');
    const { stdout } = await run('ls');
    expect(stdout).toMatch(/^guest .* 20 requests, 9000 tokens$/m);
    expect(stdout).toMatch(/^ci .* any requests$/m);
    const listed = JSON.parse((await run('ls', '--json')).stdout) as { keys: readonly { name: string }[] };
    expect(listed.keys.find(({ name }) => name === 'guest')).toMatchObject({ requests_per_minute: 20, tokens_per_minute: 9000 });
    for (const wrong of ['-1', '1.5', 'many'])
      expect(await run('add', 'bad', `--requests-per-minute=${wrong}`)).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await run('ls')).stdout).not.toContain('bad');
  });
});
