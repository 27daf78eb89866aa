/**
 * What the KV cache of a model costs, from its decoder alone. The unit is the block: 256 tokens of all layers of one kind
 * (ADR-002). Layers of a kind have the same window and the same heads, so they hold the same tokens at any time.
 *
 * Sizes are bytes; where the documentation of models says MB for these sums it means 2^20.
 */
import type { AttentionSpec, DecoderSpec, GatedDeltaSpec } from './decoder-spec.js';
import { headBytes, type KvFormat } from './kv-format.js';

export const BLOCK_TOKENS = 256;

export interface KvLayer extends Pick<AttentionSpec, 'kvHeads' | 'headDim' | 'window'> {
  /**
   * Of a layer that recurs: bytes it keeps of all tokens together, however many there are. It has no heads and a window of 0, and a
   * sequence with such layers cannot be cut at all: it is gone back to where a copy was left.
   */
  readonly stateBytes?: number;
}

export interface LayerKind extends KvLayer {
  readonly layers: number;
  /** Which of the model's layers. */
  readonly layerIndices: readonly number[];
  /** One token's keys and values in all layers of the kind. */
  readonly bytesPerToken: number;
  readonly blockBytes: number;
  /** One block is one state, and a sequence has one of it, whatever its length. */
  readonly recurs: boolean;
}

/** Blocks of each layer kind, in the order of `ModelCacheSpec.kinds`. */
export type BlockCounts = readonly number[];

export class ModelCacheSpec {
  /** In the order in which the layers name them first. */
  readonly kinds: readonly LayerKind[];
  /** While no window is full. */
  readonly bytesPerToken: number;

  /** Whether some layers recur, so that a sequence cannot be cut to anything but nothing. */
  get recurs(): boolean {
    return this.kinds.some((kind) => kind.recurs);
  }

  /** Whether some layers forget what left their window, or recur, so that a sequence cannot be cut to any length. */
  get isWindowed(): boolean {
    return this.kinds.some(({ window }) => window !== null);
  }

  /** Rows are counted as they are: the cpu executor pads value rows of heads that are no multiple of 16 wide. */
  constructor(layers: readonly KvLayer[], format: KvFormat) {
    const kinds = new Map<string, LayerKind>();
    for (const [i, { kvHeads, headDim, window, stateBytes = 0 }] of layers.entries()) {
      const key = `${kvHeads} ${headDim} ${window} ${stateBytes}`;
      const layerIndices = [...(kinds.get(key)?.layerIndices ?? []), i];
      const count = layerIndices.length;
      const bytesPerToken = count * kvHeads * 2 * headBytes(format, headDim);
      const recurs = stateBytes > 0;
      const blockBytes = recurs ? count * stateBytes : bytesPerToken * BLOCK_TOKENS;
      kinds.set(key, { kvHeads, headDim, window, layers: count, layerIndices, bytesPerToken, blockBytes, recurs });
    }
    this.kinds = [...kinds.values()];
    this.bytesPerToken = this.kinds.reduce((sum, kind) => sum + kind.bytesPerToken, 0);
  }

  /**
   * Blocks that a sequence of `tokens` holds. A windowed layer holds its window and no more; `slackTokens` is what an
   * executor lets it hold beyond that, while a step runs or because a window starts in the middle of a block.
   */
  blocksFor(tokens: number, slackTokens = 0): BlockCounts {
    return this.kinds.map(({ recurs, window }) => {
      if (recurs) return tokens > 0 ? 1 : 0;
      return blocks(window === null ? tokens : Math.min(tokens, window + slackTokens));
    });
  }

  bytesOf(counts: BlockCounts): number {
    return this.kinds.reduce((sum, { blockBytes }, i) => sum + blockBytes * (counts[i] ?? 0), 0);
  }
}

function blocks(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS);
}

/** What the layers of a decoder keep. */
export function kvLayersOf({ layers }: DecoderSpec): readonly KvLayer[] {
  return layers.map(({ attention, recurrence }) => {
    if (attention !== undefined) return attention;
    if (recurrence === undefined) throw new Error('[model_cache_spec] a layer has neither attention nor a recurrence');
    return { kvHeads: 0, headDim: 0, window: 0, stateBytes: stateBytesOf(recurrence) };
  });
}

const STATE_LANES = 16; // the cpu executor pads rows of a state to whole vectors

function stateBytesOf({ keyHeads, valueHeads, keyDim, valueDim, kernel }: GatedDeltaSpec): number {
  const channels = 2 * keyHeads * keyDim + valueHeads * valueDim;
  const row = Math.ceil(valueDim / STATE_LANES) * STATE_LANES;
  return Float32Array.BYTES_PER_ELEMENT * ((kernel - 1) * channels + valueHeads * keyDim * row);
}
