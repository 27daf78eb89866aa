import { BlockPool } from '../../../src/core/domain/block-pool.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';

/** One global layer with a head of 64 in f32: a block of 256 tokens takes 128 KiB. */
export const TINY_CACHE = new ModelCacheSpec([{ kvHeads: 1, headDim: 64, window: null }], 'f32');
export const BLOCK_BYTES = 2 ** 17;

export function tinyPool(blocks: number): BlockPool {
  return new BlockPool(TINY_CACHE, { bytes: blocks * BLOCK_BYTES });
}
