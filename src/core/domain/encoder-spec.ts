/**
 * One encoder of BERT's shape as plain data, as decoder-spec.ts is for decoders: every token sees every other one, positions are
 * learned, and a LayerNorm follows each block: h = norm(x + attention(x)); y = norm(h + down(gelu(up(h)))).
 *
 * Shapes: D hiddenSize, H heads, d headDim = D / H, F feedForwardWidth, V vocabSize, P contextLength.
 */
import type { LinearSpec, TensorRef } from './decoder-spec.js';

export interface EncoderSpec {
  /** `model_type` of config.json. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** Positions there are: the longest input in tokens. */
  readonly contextLength: number;
  readonly heads: number;
  readonly headDim: number;
  readonly feedForwardWidth: number;
  /** Multiplied into q.k. */
  readonly scale: number;
  readonly tokens: LinearSpec; // [V, D]
  readonly positions: TensorRef; // [P, D]
  /** Added to every token: the row of the first token type. */
  readonly tokenType: TensorRef; // [D]
  readonly embeddingNorm: LayerNormSpec;
  readonly layers: readonly EncoderLayerSpec[];
}

export interface EncoderLayerSpec {
  readonly q: LinearSpec; // [D, D]
  readonly k: LinearSpec;
  readonly v: LinearSpec;
  readonly o: LinearSpec;
  readonly attentionNorm: LayerNormSpec;
  readonly up: LinearSpec; // [F, D]
  readonly down: LinearSpec; // [D, F]
  readonly feedForwardNorm: LayerNormSpec;
}

/** (x - mean) / sqrt(variance + eps) * weight + bias. */
export interface LayerNormSpec {
  readonly weight: TensorRef; // [D]
  readonly bias: TensorRef; // [D]
  readonly eps: number;
}
