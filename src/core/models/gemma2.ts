/**
 * Gemma 2: norms before and after attention and feed-forward with weights stored as w - 1, scores and logits softly capped,
 * every other layer windowed, embeddings scaled by sqrt(D).
 */
import type { DecoderSpec, LayerSpec } from '../domain/decoder-spec.js';
import { buildAttention } from './attention.js';
import { buildFeedForward, readActivation } from './feed-forward.js';
import { readCap, toBfloat16 } from './gemma.js';
import { readGeometry } from './geometry.js';
import { linear, norm, readHead, readVocabSize, type ModelSource } from './model-source.js';
import { readRope } from './rope-config.js';
import { ggufNames } from './weight-names.js';
import { readWindows } from './windows.js';

/** transformers' Gemma2Config leaves out of config.json what equals these. */
const DEFAULTS = { layers: 26, hiddenSize: 2304, feedForward: 9216, heads: 8, kvHeads: 4, headDim: 256, eps: 1e-6 };
const DEFAULT_CONTEXT = 8192;
const DEFAULT_WINDOW = 4096;
const DEFAULT_SCALAR = 256;
const ROPE_BASE = 10_000;

export function buildGemma2(source: ModelSource): DecoderSpec {
  const { config, names } = source;
  const geometry = readGeometry(config, DEFAULTS);
  const { hiddenSize, headDim, eps } = geometry;
  const vocabSize = readVocabSize(source);
  const activation = readActivation(config, 'hidden_activation', 'gelu_pytorch_tanh');
  const weightOffset = source.format === 'gguf' ? 0 : 1; // llama.cpp's converter adds the 1
  const scale = config.positiveNumber('query_pre_attn_scalar', DEFAULT_SCALAR) ** -0.5;
  const softcap = readCap(config, 'attn_logit_softcapping');
  const windows = readWindows(config, geometry.layers, config.positiveInteger('sliding_window', DEFAULT_WINDOW), (i) => i % 2 === 0);
  const layerNorm = (i: number, part: 'inputNorm' | 'postAttentionNorm' | 'preFeedForwardNorm' | 'postFeedForwardNorm') =>
    norm(source, names.layer(i, part), hiddenSize, eps, weightOffset);
  const buildLayer = (i: number): LayerSpec => ({
    inputNorm: layerNorm(i, 'inputNorm'),
    attention: buildAttention(source, geometry, i, {
      scale,
      rope: 0,
      window: windows[i] ?? null,
      qkvBias: 'optional',
      qkNorm: null,
      softcap,
    }),
    postAttentionNorm: layerNorm(i, 'postAttentionNorm'),
    feedForwardNorm: layerNorm(i, 'preFeedForwardNorm'),
    feedForward: buildFeedForward(source, geometry, i, activation),
    postFeedForwardNorm: layerNorm(i, 'postFeedForwardNorm'),
  });
  return {
    architecture: source.architecture,
    vocabSize,
    hiddenSize,
    contextLength: config.positiveInteger('max_position_embeddings', DEFAULT_CONTEXT),
    embedding: {
      table: linear(source, { stem: names.embedding, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' }),
      scale: toBfloat16(hiddenSize ** 0.5), // the reference implementations scale in the weights' bf16
    },
    ropes: [readRope(config, { headDim, base: ROPE_BASE })],
    layers: Array.from({ length: geometry.layers }, (_, i) => buildLayer(i)),
    finalNorm: norm(source, names.finalNorm, hiddenSize, eps, weightOffset),
    head: readHead(source, vocabSize, hiddenSize),
    logitSoftcap: readCap(config, 'final_logit_softcapping'),
  };
}

const LAYERS_OF_27B = 46;

/** GGUF: llama.cpp hard-codes the attention scale of the 27B, as we do. */
export function buildGemma2Gguf(source: ModelSource): DecoderSpec {
  const { config } = source;
  const is27b = config.positiveInteger('num_hidden_layers') === LAYERS_OF_27B;
  const scalar = is27b
    ? config.positiveInteger('hidden_size') / config.positiveInteger('num_attention_heads')
    : config.positiveInteger('head_dim');
  return buildGemma2({
    ...source,
    config: config.with({ query_pre_attn_scalar: scalar }),
    names: ggufNames(false, { postAttentionNorm: 'post_attention_norm' }),
  });
}
