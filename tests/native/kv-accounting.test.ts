/** The domain's arithmetic of KV against what the executors really allocate. */
import { afterEach, describe, expect, test } from 'vitest';
import { kvLayersOf, ModelCacheSpec } from '../../src/core/domain/model-cache-spec.js';
import { windowSlack } from '../../src/server/window-slack.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { tinyModel, tinyTokens } from './support/tiny-model.js';

const TOKENS = 3072; // whole chunks of 512, so that every step has the same scratch
const WINDOWS = [1, 24, 256, 300, 1024, 4096];

let engine: InstanceType<typeof native.Engine> | null = null;
afterEach(async () => {
  await engine?.close();
  engine = null;
});

async function open(executor: 'cpu' | 'mlx', window: number, memoryBudgetBytes: number) {
  const { spec, file } = tinyModel({ window, contextLength: 4096 });
  engine = new native.Engine({ ...ENGINE_OPTIONS, memoryBudgetBytes });
  const loaded = await engine.loadModel({ spec, files: [file], executor, kvFormat: 'f32' });
  const cache = new ModelCacheSpec(kvLayersOf(spec), 'f32');
  return { engine, loaded, cache };
}

describe.each(['cpu', 'mlx'] as const)('the %s executor', (executor) => {
  test.each(WINDOWS)('allocates, with a window of %i, no byte beyond what the blocks of the sequence say', async (window) => {
    const opened = await open(executor, window, 1e9);
    const { cache, loaded } = opened;
    expect(loaded.kvBytesPerToken).toBe(cache.bytesPerToken);
    const sequence = await opened.engine.createSequence(loaded.model, GREEDY);
    const tokens = tinyTokens(TOKENS);
    let length = 0;
    for (const chunk of [1, 255, 1, 512, 1, 100, 512, 512, 300, 1, 1, 512]) {
      await opened.engine.step(plan([{ sequence, tokens: tokens.subarray(length, length + chunk) }]));
      length += chunk;
      const { kvBytes } = opened.engine.stats();
      expect(kvBytes).toBeLessThanOrEqual(cache.bytesOf(cache.blocksFor(length, windowSlack(executor, 512).atRest)));
      // Never an empty claim. The `cpu` executor counts a block as its pages come into use.
      const open = cache.kinds[1]!.blockBytes + (executor === 'cpu' ? cache.kinds[0]!.blockBytes : 0);
      expect(kvBytes).toBeGreaterThanOrEqual(cache.bytesOf(cache.blocksFor(length)) - open);
      expect(kvBytes).toBeGreaterThanOrEqual((length * cache.kinds[0]!.blockBytes) / 256);
    }
  });
});

const CHUNK = 512;

/** Runs a prompt in chunks on the cpu executor; null when the budget refuses a step. */
async function prefill(window: number, tokens: number, memoryBudgetBytes: number) {
  const opened = await open('cpu', window, memoryBudgetBytes);
  const sequence = await opened.engine.createSequence(opened.loaded.model, GREEDY);
  const ids = tinyTokens(tokens);
  try {
    for (let at = 0; at < tokens; at += CHUNK) {
      await opened.engine.step(plan([{ sequence, tokens: ids.subarray(at, Math.min(at + CHUNK, tokens)) }]));
    }
    return opened.engine.stats();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
    return null;
  } finally {
    await opened.engine.close();
  }
}

test('the cpu executor never asks for more than the running blocks of a sequence, beside weights and the scratch of a step', async () => {
  const cacheOf = async (window: number) => (await open('cpu', window, 1e9)).cache;
  let [refused, enough] = [0, 64e6];
  while (enough - refused > 1) {
    const middle = (refused + enough) >> 1;
    if ((await prefill(WINDOWS[0]!, CHUNK, middle)) === null) refused = middle;
    else enough = middle;
  }
  const first = await cacheOf(WINDOWS[0]!);
  const withoutKv = enough - first.bytesOf([CHUNK / 256, CHUNK / 256]);
  for (const window of WINDOWS) {
    const cache = await cacheOf(window);
    const running = cache.bytesOf(cache.blocksFor(TOKENS, windowSlack('cpu', CHUNK).running));
    expect(await prefill(window, TOKENS, withoutKv + running)).not.toBeNull();
    expect(await prefill(window, TOKENS, withoutKv + cache.bytesOf(cache.blocksFor(TOKENS)) - 1)).toBeNull();
  }
});
