/** The Llama shape that llama, mistral, qwen2 and qwen3 share: norm, attention, norm, gated feed-forward. */
import type { DecoderSpec, LayerSpec } from '../domain/decoder-spec.js';
import { buildAttention } from './attention.js';
import { buildFeedForward, readActivation } from './feed-forward.js';
import { readGeometry } from './geometry.js';
import { linear, norm, readHead, readVocabSize, type ModelSource } from './model-source.js';
import { readContextLength, readRope } from './rope-config.js';

export interface DenseFamily {
  readonly qkvBias: 'required' | 'optional';
  readonly qkNorm: boolean;
  /** Base of the rotation where config.json names none; undefined = it has to. */
  readonly ropeBase?: number;
  /** Window of every layer, null = sees all. */
  windows(layers: number): readonly (number | null)[];
}

export function buildDenseDecoder(source: ModelSource, family: DenseFamily): DecoderSpec {
  const { config, names } = source;
  const geometry = readGeometry(config);
  const { hiddenSize, headDim, eps } = geometry;
  const vocabSize = readVocabSize(source);
  const activation = readActivation(config, 'hidden_act', 'silu');
  const windows = family.windows(geometry.layers);
  const buildLayer = (i: number): LayerSpec => ({
    inputNorm: norm(source, names.layer(i, 'inputNorm'), hiddenSize, eps),
    attention: buildAttention(source, geometry, i, {
      scale: headDim ** -0.5,
      rope: 0,
      window: windows[i] ?? null,
      qkvBias: family.qkvBias,
      qkNorm: family.qkNorm ? { weightOffset: 0 } : null,
    }),
    postAttentionNorm: null,
    feedForwardNorm: norm(source, names.layer(i, 'postAttentionNorm'), hiddenSize, eps),
    feedForward: buildFeedForward(source, geometry, i, activation),
    postFeedForwardNorm: null,
  });
  const ropeDefaults = family.ropeBase === undefined ? { headDim } : { headDim, base: family.ropeBase };
  return {
    architecture: source.architecture,
    vocabSize,
    hiddenSize,
    contextLength: readContextLength(config),
    embedding: { table: linear(source, { stem: names.embedding, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' }), scale: 1 },
    ropes: [readRope(config, ropeDefaults)],
    layers: Array.from({ length: geometry.layers }, (_, i) => buildLayer(i)),
    finalNorm: norm(source, names.finalNorm, hiddenSize, eps),
    head: readHead(source, vocabSize, hiddenSize),
    logitSoftcap: null,
  };
}
