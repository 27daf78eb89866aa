import { performance } from 'node:perf_hooks';
import { BlockPool } from '../../core/domain/block-pool.js';
import { ModelCacheSpec } from '../../core/domain/model-cache-spec.js';
import { measure, type Suite } from './suite.js';

const BLOCKS = 1_000;
const WINDOW_TOKENS = 1_024;

export const blocks: Suite = {
  name: 'blocks',
  summary: 'the bookkeeping of KV memory: taking blocks and giving them back',
  of: 'this',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: () => [
    {
      name: `${BLOCKS} blocks`,
      x: null,
      measures: [measure('allocate', 'us/block', 'lower'), measure('free', 'us/block', 'lower')],
      cost: { promptTokens: 0, outputTokens: 0, seconds: 0.1 },
      run: () => Promise.resolve(poolTimes()),
    },
  ],
};

/** Two kinds of layers, as models with windows have. */
function poolTimes(): { readonly allocate: number; readonly free: number } {
  const spec = new ModelCacheSpec(
    [null, WINDOW_TOKENS].map((window) => ({ kvHeads: 8, headDim: 128, window })),
    'f16',
  );
  const pool = new BlockPool(spec, { bytes: spec.bytesOf([BLOCKS, BLOCKS]) });
  const started = performance.now();
  const lease = pool.allocate([BLOCKS / 2, BLOCKS / 2]);
  const allocated = performance.now();
  pool.free(lease);
  const freed = performance.now();
  pool.checkIntegrity();
  const perBlock = (millis: number): number => (millis * 1000) / BLOCKS;
  return { allocate: perBlock(allocated - started), free: perBlock(freed - allocated) };
}
