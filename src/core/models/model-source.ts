import type { DecoderSpec } from '../domain/decoder-spec.js';
import type { ConfigReader } from './config-reader.js';
import type { LinearWish } from './linear.js';
import { buildLinear } from './linear.js';
import type { QuantizationConfig } from './quantization-config.js';
import type { TensorLookup } from './tensor-lookup.js';
import type { LinearSpec, NormSpec } from '../domain/decoder-spec.js';
import type { WeightNames } from './weight-names.js';

/** What a family's builder works from. GGUF metadata has already been renamed to config.json's keys. */
export interface ModelSource {
  readonly architecture: string;
  readonly format: 'safetensors' | 'gguf';
  readonly config: ConfigReader;
  readonly tensors: TensorLookup;
  readonly quantization: QuantizationConfig;
  readonly names: WeightNames;
}

export type ModelBuilder = (source: ModelSource) => DecoderSpec;

export function linear(source: ModelSource, wish: LinearWish): LinearSpec {
  return buildLinear(source.tensors, source.quantization, wish);
}

/** @param size D, or headDim for per-head norms */
export function norm(source: ModelSource, stem: string, size: number, eps: number, weightOffset: 0 | 1 = 0): NormSpec {
  return { weight: source.tensors.floats(`${stem}.weight`, [size]), eps, weightOffset };
}

/** Rows of the embedding: where config.json leaves `vocab_size` out, the tensor says it. */
export function readVocabSize(source: ModelSource): number {
  const rows = source.tensors.info(`${source.names.embedding}.weight`).shape[0];
  return source.config.positiveInteger('vocab_size', rows);
}

/** null = tied: config.json says so, or the checkpoint has no output projection and config.json does not insist on one. */
export function readHead(source: ModelSource, vocabSize: number, hiddenSize: number): LinearSpec | null {
  const { config, names, tensors } = source;
  const present = tensors.has(`${names.head}.weight`);
  if (config.has('tie_word_embeddings') ? config.boolean('tie_word_embeddings') : !present) return null;
  return linear(source, { stem: names.head, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' });
}
