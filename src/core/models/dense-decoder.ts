/** The Llama shape that most families share: norm, attention, norm, feed-forward (gated, or a mixture of experts). */
import type { DecoderSpec, LayerSpec, MoeFeedForwardSpec } from '../domain/decoder-spec.js';
import { buildAttention } from './attention.js';
import { buildFeedForward, readActivation } from './feed-forward.js';
import { readGeometry } from './geometry.js';
import { linear, norm, readHead, readVocabSize, type ModelSource } from './model-source.js';
import { IDENTITY_ROPE } from './rope.js';
import { readContextLength, readRope } from './rope-config.js';

const ROTATION = 0;
const NO_ROTATION = 1;

export interface DenseFamily {
  readonly qkvBias: 'required' | 'optional';
  readonly qkNorm: boolean;
  /** Base of the rotation where config.json names none; undefined = it has to. */
  readonly ropeBase?: number;
  /** q, k and v are one matrix, gate and up another. */
  readonly fused?: boolean;
  /** Whether layer `i` turns q and k at all; without it every layer does. */
  rotates?(i: number): boolean;
  /** Feed-forward of layer `i` where it is not the dense one. */
  mixture?(i: number): MoeFeedForwardSpec | null;
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
  const turns = (i: number): boolean => family.rotates?.(i) ?? true;
  const buildLayer = (i: number): LayerSpec => ({
    inputNorm: norm(source, names.layer(i, 'inputNorm'), hiddenSize, eps),
    attention: buildAttention(source, geometry, i, {
      scale: headDim ** -0.5,
      rope: turns(i) ? ROTATION : NO_ROTATION,
      window: windows[i] ?? null,
      qkvBias: family.qkvBias,
      qkNorm: family.qkNorm ? { weightOffset: 0 } : null,
      fused: family.fused ?? false,
    }),
    postAttentionNorm: null,
    feedForwardNorm: norm(source, names.layer(i, 'postAttentionNorm'), hiddenSize, eps),
    feedForward: family.mixture?.(i) ?? buildFeedForward(source, geometry, i, activation, family.fused),
    postFeedForwardNorm: null,
  });
  const ropeDefaults = family.ropeBase === undefined ? { headDim } : { headDim, base: family.ropeBase };
  return {
    architecture: source.architecture,
    vocabSize,
    hiddenSize,
    contextLength: readContextLength(config),
    embedding: { table: linear(source, { stem: names.embedding, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' }), scale: 1 },
    ropes: family.rotates === undefined ? [readRope(config, ropeDefaults)] : [readRope(config, ropeDefaults), IDENTITY_ROPE],
    layers: Array.from({ length: geometry.layers }, (_, i) => buildLayer(i)),
    finalNorm: norm(source, names.finalNorm, hiddenSize, eps),
    head: readHead(source, vocabSize, hiddenSize),
    logitSoftcap: null,
  };
}
