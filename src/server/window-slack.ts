/** What the executors let a windowed layer hold beyond its window, in tokens. */
import type { NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import { BLOCK_TOKENS } from '../core/domain/model-cache-spec.js';

/** Blocks of a prompt that the cpu executor takes through the layers at once, before it lets go of what left the window. */
const CPU_SLICE_BLOCKS = 4;

export function windowSlack(
  executor: NativeEngineOptions['executor'],
  prefillChunkTokens: number,
): { readonly running: number; readonly atRest: number } {
  if (executor === 'cpu') {
    // Blocks never move, so a window may start in the middle of one.
    return { running: (CPU_SLICE_BLOCKS + 1) * BLOCK_TOKENS, atRest: BLOCK_TOKENS };
  }
  // One buffer for chunk and window, from a block's start on; it keeps its size.
  const slack = Math.max(prefillChunkTokens, BLOCK_TOKENS) + BLOCK_TOKENS;
  return { running: slack, atRest: slack };
}
