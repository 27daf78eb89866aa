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
    });
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
