import { afterEach, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.js';

let daemon: TestDaemon | null = null;
afterEach(async () => {
  await daemon?.stop();
  daemon = null;
});

const messages = [{ role: 'user', content: 'Hi' }];
const errorOf = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as { error: { code: string; message: string } }).error,
});

describe('memory', () => {
  test('a request whose KV can never fit is refused before anything is allocated; a smaller one runs', async () => {
    const settings = { SEMANTIC_ENGINE_SCRATCH_BYTES: '100000000', SEMANTIC_ENGINE_MEMORY_BUDGET_BYTES: '240000000' };
    daemon = await startDaemon([], settings);
    const { kvBudgetBytes, kvBudgetTokens } = daemon.summary.memory;
    expect(kvBudgetTokens).toBeLessThan(4000);
    const { sequences, kvBytes } = (await daemon.status()).native;
    const refused = await errorOf(await daemon.chat({ messages, max_tokens: 8000 }));
    expect(refused).toMatchObject({ status: 503, code: 'out_of_memory', message: expect.stringContaining(`holds ${kvBudgetBytes}`) });
    expect((await daemon.status()).native).toMatchObject({ sequences, kvBytes });
    expect((await daemon.chat({ messages, max_tokens: 4 })).status).toBe(200);
  });

  test('requests that fit one by one but not together wait for each other', async () => {
    const settings = { SEMANTIC_ENGINE_SCRATCH_BYTES: '100000000', SEMANTIC_ENGINE_MEMORY_BUDGET_BYTES: '230000000' };
    daemon = await startDaemon([], settings);
    const { kvBudgetTokens } = daemon.summary.memory;
    const most = Math.floor(kvBudgetTokens / 256) * 256 - 256;
    const answers = await Promise.all([1, 2, 3].map(() => daemon!.chat({ messages, max_tokens: most, cache_prompt: true })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { requests, kv } = (await daemon.status()).engine;
    expect([requests.finished, kv.runningBytes]).toEqual([3, 0]);
  });

  test('a step that fails in the engine ends its own request with an error, and the next one runs', async () => {
    // No scratch is set aside: a prompt that the plan lets in asks the native engine for more than it has.
    daemon = await startDaemon([], { SEMANTIC_ENGINE_SCRATCH_BYTES: '0', SEMANTIC_ENGINE_MEMORY_BUDGET_BYTES: '140000000' });
    const content = 'word '.repeat(daemon.summary.memory.kvBudgetTokens - 600);
    const failed = await errorOf(await daemon.chat({ messages: [{ role: 'user', content }], max_tokens: 4, cache_prompt: false }));
    expect(failed).toMatchObject({ status: 503, code: 'out_of_memory' });
    const { requests, running, kv } = (await daemon.status()).engine;
    expect([requests.failed, running, kv.runningBytes]).toEqual([1, 0, 0]);
    expect((await daemon.status()).native.sequences).toBe(0);
    expect((await daemon.chat({ messages, max_tokens: 4 })).status).toBe(200);
  });
});

test('in a long prefill the head does not wait for the first token, and comments keep the stream alive', async () => {
  daemon = await startDaemon([], {
    SEMANTIC_SERVER_KEEP_ALIVE_SECONDS: '0.02',
    SEMANTIC_ENGINE_PREFILL_CHUNK_TOKENS: '64',
    SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '1',
  });
  const content = 'word '.repeat(600);
  const first = daemon.chat({ messages: [{ role: 'user', content }], max_tokens: 1, stream: true });
  // It waits for the first one's batch slot, then for its own prefill: nothing to say, yet the head is there.
  const second = await daemon.chat({ messages: [{ role: 'user', content }], max_tokens: 1, stream: true, cache_prompt: false });
  expect(second.status).toBe(200);
  const text = await second.text();
  expect(text).toMatch(/^: keep-alive\n\n/m);
  expect(text).toMatch(/data: \[DONE\]\n\n$/);
  await (await first).text();
});
