/**
 * GPT-OSS: mixture of experts (mxfp4), attention sinks, every other layer windowed, YaRN, biases everywhere,
 * clamped SwiGLU.
 */
import type { Activation, DecoderSpec, LayerSpec } from '../domain/decoder-spec.js';
import { buildAttention } from './attention.js';
import { readGeometry } from './geometry.js';
import { buildExperts } from './gpt-oss-experts.js';
import { linear, norm, readHead, readVocabSize, type ModelSource } from './model-source.js';
import { readContextLength, readRope } from './rope-config.js';
import { readWindows } from './windows.js';

const ALPHA = 1.702; // fixed in OpenAI's code
const DEFAULT_LIMIT = 7;
const ROPE_BASE = 150_000;

export function buildGptOss(source: ModelSource): DecoderSpec {
  const { config, names } = source;
  const geometry = readGeometry(config, { headDim: 64 });
  const { hiddenSize, headDim, eps } = geometry;
  const vocabSize = readVocabSize(source);
  const windows = readWindows(config, geometry.layers, null, (i) => i % 2 === 0);
  const activation: Activation = { kind: 'swiglu-clamped', alpha: ALPHA, limit: config.positiveNumber('swiglu_limit', DEFAULT_LIMIT) };
  const buildLayer = (i: number): LayerSpec => ({
    inputNorm: norm(source, names.layer(i, 'inputNorm'), hiddenSize, eps),
    attention: buildAttention(source, geometry, i, {
      scale: headDim ** -0.5,
      rope: 0,
      window: windows[i] ?? null,
      qkvBias: 'required',
      qkNorm: null,
      sinks: `model.layers.${i}.self_attn.sinks`,
    }),
    postAttentionNorm: null,
    feedForwardNorm: norm(source, names.layer(i, 'postAttentionNorm'), hiddenSize, eps),
    feedForward: buildExperts(source, geometry, `model.layers.${i}.mlp`, activation),
    postFeedForwardNorm: null,
  });
  return {
    architecture: source.architecture,
    vocabSize,
    hiddenSize,
    contextLength: readContextLength(config),
    embedding: { table: linear(source, { stem: names.embedding, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' }), scale: 1 },
    ropes: [readRope(config, { headDim, base: ROPE_BASE })],
    layers: Array.from({ length: geometry.layers }, (_, i) => buildLayer(i)),
    finalNorm: norm(source, names.finalNorm, hiddenSize, eps),
    head: readHead(source, vocabSize, hiddenSize),
    logitSoftcap: null,
  };
}
