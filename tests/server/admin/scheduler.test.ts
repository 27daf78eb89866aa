import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AdminClient } from '../../../src/client/admin-client.js';
import { schedulerSchema } from '../../../src/client/scheduler-bodies.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';

let daemon: TestDaemon;
let client: AdminClient;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '2' });
  client = new AdminClient(daemon.summary.socket, 1_000);
});
afterAll(async () => {
  await client.close();
  await daemon.stop();
});

const endless = { messages: [{ role: 'user', content: 'Write a long story.' }], ignore_eos: true, max_tokens: 4000 };
const overTcp = async (key?: string) => {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return schedulerSchema.parse(await (await fetch(`${daemon.summary.address}/v1/admin/scheduler`, { headers })).json());
};

describe('GET /v1/admin/scheduler', () => {
  test('shows what runs, what waits and whose it is; counts add up when all is over', async () => {
    const abort = new AbortController();
    const init = { signal: abort.signal };
    const agent = { method: 'POST', headers: { authorization: 'Bearer alice' } };
    await fetch(`${daemon.summary.address}/v1/agents`, { ...agent, body: JSON.stringify({ id: 'writer' }) });
    const turn = JSON.stringify({ input: 'Write a long story.', ignore_eos: true, max_tokens: 4000 });
    const requests = [
      fetch(`${daemon.summary.address}/v1/agents/writer/generate`, { ...agent, body: turn, ...init }),
      daemon.chat(endless, init),
      daemon.chat(endless, init),
    ].map((request) => request.catch(() => undefined));
    const busy = await until(
      () => client.scheduler(),
      ({ queue, sequences }) => queue.waiting === 1 && sequences.filter(({ tokens_per_second }) => tokens_per_second > 0).length === 2,
    );
    expect(busy.queue).toEqual({
      waiting: 1,
      running: 2,
      preempted: 0,
      by_class: { interactive: { waiting: 1, running: 2, preempted: 0 }, batch: { waiting: 0, running: 0, preempted: 0 } },
      projected_delay_ms: expect.any(Number) as number,
    });
    expect(busy.queue.projected_delay_ms).toBeGreaterThan(0);
    expect(busy.sequences.map(({ state }) => state)).toEqual(['decode', 'decode', 'waiting']);
    const [first, second, third] = busy.sequences;
    const writer = busy.sequences.find(({ agent: name }) => name === 'writer');
    expect(writer?.key).toMatch(/^[0-9a-f]{8}$/);
    expect([third?.agent, third?.key, third?.kv_tokens, third?.ttft_ms]).toEqual([null, 'local', 0, null]);
    for (const { prompt_tokens, kv_tokens, output_tokens, max_tokens, ttft_ms, age_ms, waited_ms } of [first!, second!]) {
      expect(kv_tokens).toBe(prompt_tokens + output_tokens - 1);
      expect(max_tokens).toBe(4000);
      expect(ttft_ms).toBeGreaterThanOrEqual(waited_ms);
      expect(age_ms).toBeGreaterThanOrEqual(ttft_ms!);
    }
    expect(busy.rates.decode_tokens_per_second).toBeGreaterThan(0);
    expect(busy.totals.step_ms).toBeGreaterThan(0);
    expect(busy.rates.step_ms.p95).toBeGreaterThanOrEqual(busy.rates.step_ms.p50!);
    expect(busy.pool.used_bytes).toBeGreaterThan(0);
    expect((await overTcp()).sequences.map(({ agent: name }) => name)).toEqual([null, null, null]);
    expect((await overTcp('alice')).sequences.map(({ agent: name }) => name)).toContain('writer');
    abort.abort();
    await Promise.all(requests);
    const idle = await until(
      () => client.scheduler(),
      ({ sequences }) => sequences.length === 0,
    );
    const { submitted, finished, cancelled, failed } = idle.totals.requests;
    expect([submitted, finished + cancelled + failed]).toEqual([3, 3]);
    expect(idle.rates.ttft_ms.p50).toBeGreaterThan(0);
  });
});

describe('PATCH /v1/admin/scheduler', () => {
  const patch = async (body: unknown) => {
    const response = await fetch(`${daemon.summary.address}/v1/admin/scheduler`, { method: 'PATCH', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as { error?: { message: string; param: string } } };
  };

  test('changes limits from the next step on, and leaves the others as they are', async () => {
    const { limits: before } = await client.scheduler();
    const { limits } = await client.changeLimits({ batch_window_ms: 25, max_queue: 9, prefill_chunk_tokens: { min: 16 } });
    const { now: _, ...chunk } = limits.prefill_chunk_tokens;
    expect([limits.batch_window_ms, limits.max_queue, chunk]).toEqual([25, 9, { min: 16, max: 512 }]);
    expect(limits.max_batch_sequences).toBe(before.max_batch_sequences);
    expect((await client.scheduler()).limits).toMatchObject({ batch_window_ms: 25, max_queue: 9 });
  });

  test('a key with its share of slots waits, and goes on when the limit does', async () => {
    await client.changeLimits({ max_running_per_key: 1, max_queue: 9 });
    const abort = new AbortController();
    const requests = [1, 2].map(() => daemon.chat(endless, { signal: abort.signal }).catch(() => undefined));
    const queue = async () => (await client.scheduler()).queue;
    expect((await until(queue, ({ running, waiting }) => running === 1 && waiting === 1)).by_class.interactive.waiting).toBe(1);
    await client.changeLimits({ max_running_per_key: 0 });
    expect((await until(queue, ({ running }) => running === 2)).waiting).toBe(0);
    abort.abort();
    await Promise.all(requests);
    await until(queue, ({ running, waiting }) => running + waiting === 0);
  });

  test('a key with its share of the queue, and whoever would wait too long, is told when to come again', async () => {
    const { limits: before } = await client.scheduler();
    const abort = new AbortController();
    const ask = (key: string) => daemon.chat(endless, { signal: abort.signal, headers: { 'x-api-key': key } }).catch(() => undefined);
    const requests = ['a', 'a'].map(ask);
    const report = () => client.scheduler();
    await until(report, ({ queue, rates }) => queue.running === 2 && rates.inter_token_ms.p50 !== null);
    await client.changeLimits({ max_queue_per_key: 1, max_queue: 9 });
    requests.push(ask('a'));
    await until(report, ({ queue }) => queue.waiting === 1);
    const greedy = await ask('a');
    expect([greedy?.status, await greedy?.text()]).toEqual([429, expect.stringContaining('of this key wait already, it may have 1')]);
    await client.changeLimits({ max_queue_ms: 1 });
    const modest = await ask('b');
    expect([modest?.status, await modest?.text()]).toEqual([429, expect.stringContaining('the request would wait')]);
    for (const refused of [greedy, modest]) expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(2);
    await client.changeLimits({ max_queue_per_key: before.max_queue_per_key, max_queue_ms: before.max_queue_ms });
    requests.push(ask('b'));
    expect((await until(report, ({ queue }) => queue.waiting === 2)).sequences.length).toBe(4);
    abort.abort();
    await Promise.all(requests);
    await until(report, ({ sequences }) => sequences.length === 0);
  });

  test.each([
    [{ batch_windw_ms: 5 }, 'batch_windw_ms'],
    [{ batch_window_ms: -1 }, 'batch_window_ms'],
    [{ batch_window_ms: 1_001 }, 'batch_window_ms'],
    [{ batch_window_ms: '5' }, 'batch_window_ms'],
    [{ max_batch_sequences: 0 }, 'max_batch_sequences'],
    [{ decode_share: 1 }, 'decode_share'],
    [{ prefill_chunk_tokens: { min: 400, max: 300 } }, 'prefill_chunk_tokens'],
    [{ prefill_chunk_tokens: { max: 513 } }, 'prefill_chunk_tokens'],
    [{}, 'body'],
    [[], 'body'],
  ])('%j is a 400 that names %s, and changes nothing', async (body, param) => {
    const { limits } = await client.scheduler();
    const refused = await patch(body);
    expect([refused.status, refused.body.error?.param]).toEqual([400, param]);
    expect((await client.scheduler()).limits).toEqual(limits);
  });
});
