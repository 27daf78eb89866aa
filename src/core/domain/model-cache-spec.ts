/**
 * What the KV cache of a model costs, from its decoder alone. The unit is the block: 256 tokens of all layers of one kind
 * (ADR-002). Layers of a kind have the same window and the same heads, so they hold the same tokens at any time.
 *
 * Sizes are bytes; where the documentation of models says MB for these sums it means 2^20.
 */
import type { AttentionSpec } from './decoder-spec.js';
import { headBytes, type KvFormat } from './kv-format.js';

export const BLOCK_TOKENS = 256;

export type KvLayer = Pick<AttentionSpec, 'kvHeads' | 'headDim' | 'window'>;

export interface LayerKind extends KvLayer {
  readonly layers: number;
  /** Which of the model's layers. */
  readonly layerIndices: readonly number[];
  /** One token's keys and values in all layers of the kind. */
  readonly bytesPerToken: number;
  readonly blockBytes: number;
}

/** Blocks of each layer kind, in the order of `ModelCacheSpec.kinds`. */
export type BlockCounts = readonly number[];

export class ModelCacheSpec {
  /** In the order in which the layers name them first. */
  readonly kinds: readonly LayerKind[];
  /** While no window is full. */
  readonly bytesPerToken: number;

  /** Whether some layers forget what left their window, so that a sequence cannot be cut to any length. */
  get isWindowed(): boolean {
    return this.kinds.some(({ window }) => window !== null);
  }

  /** Rows are counted as they are: the cpu executor pads value rows of heads that are no multiple of 16 wide. */
  constructor(layers: readonly KvLayer[], format: KvFormat) {
    const kinds = new Map<string, LayerKind>();
    for (const [i, { kvHeads, headDim, window }] of layers.entries()) {
      const key = `${kvHeads} ${headDim} ${window}`;
      const layerIndices = [...(kinds.get(key)?.layerIndices ?? []), i];
      const count = layerIndices.length;
      const bytesPerToken = count * kvHeads * 2 * headBytes(format, headDim);
      kinds.set(key, { kvHeads, headDim, window, layers: count, layerIndices, bytesPerToken, blockBytes: bytesPerToken * BLOCK_TOKENS });
    }
    this.kinds = [...kinds.values()];
    this.bytesPerToken = this.kinds.reduce((sum, kind) => sum + kind.bytesPerToken, 0);
  }

  /**
   * Blocks that a sequence of `tokens` holds. A windowed layer holds its window and no more; `slackTokens` is what an
   * executor lets it hold beyond that, while a step runs or because a window starts in the middle of a block.
   */
  blocksFor(tokens: number, slackTokens = 0): BlockCounts {
    return this.kinds.map(({ window }) => blocks(window === null ? tokens : Math.min(tokens, window + slackTokens)));
  }

  bytesOf(counts: BlockCounts): number {
    return this.kinds.reduce((sum, { blockBytes }, i) => sum + blockBytes * (counts[i] ?? 0), 0);
  }
}

function blocks(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}
