/**
 * Gemma 3: norms before and after attention and feed-forward with weights stored as w - 1, norms on q and k, five
 * sliding layers to one global, each kind with its own RoPE, embeddings scaled by sqrt(D).
 */
import type { DecoderSpec, LayerSpec, RopeSpec } from '../domain/decoder-spec.js';
import { buildAttention } from './attention.js';
import type { ConfigReader } from './config-reader.js';
import { buildFeedForward, readActivation } from './feed-forward.js';
import { readCap, toBfloat16 } from './gemma.js';
import { readGeometry } from './geometry.js';
import { linear, norm, readHead, readVocabSize, type ModelSource } from './model-source.js';
import { readRope } from './rope-config.js';
import { readWindows } from './windows.js';

/** transformers' Gemma3TextConfig leaves out of config.json what equals these. */
const DEFAULTS = { layers: 26, hiddenSize: 2304, feedForward: 9216, heads: 8, kvHeads: 4, headDim: 256, eps: 1e-6 };
const DEFAULT_CONTEXT = 131_072;
const DEFAULT_WINDOW = 4096;
const DEFAULT_PATTERN = 6; // every sixth layer is global
const GLOBAL_ROPE_BASE = 1_000_000;
const LOCAL_ROPE_BASE = 10_000;

const GLOBAL_ROPE = 0;
const LOCAL_ROPE = 1;

export function buildGemma3Text(source: ModelSource): DecoderSpec {
  const { config, names } = source;
  const geometry = readGeometry(config, DEFAULTS);
  const { hiddenSize, headDim, eps } = geometry;
  const vocabSize = readVocabSize(source);
  const activation = readActivation(config, 'hidden_activation', 'gelu_pytorch_tanh');
  const weightOffset = source.format === 'gguf' ? 0 : 1; // llama.cpp's converter adds the 1
  const scale = config.positiveNumber('query_pre_attn_scalar', headDim) ** -0.5;
  const softcap = readCap(config, 'attn_logit_softcapping');
  const windows = readGemmaWindows(config, geometry.layers);
  const layerNorm = (i: number, part: 'inputNorm' | 'postAttentionNorm' | 'preFeedForwardNorm' | 'postFeedForwardNorm') =>
    norm(source, names.layer(i, part), hiddenSize, eps, weightOffset);
  const buildLayer = (i: number): LayerSpec => {
    const window = windows[i] ?? null;
    const rope = window === null ? GLOBAL_ROPE : LOCAL_ROPE;
    return {
      inputNorm: layerNorm(i, 'inputNorm'),
      attention: buildAttention(source, geometry, i, { scale, rope, window, qkvBias: 'optional', qkNorm: { weightOffset }, softcap }),
      postAttentionNorm: layerNorm(i, 'postAttentionNorm'),
      feedForwardNorm: layerNorm(i, 'preFeedForwardNorm'),
      feedForward: buildFeedForward(source, geometry, i, activation),
      postFeedForwardNorm: layerNorm(i, 'postFeedForwardNorm'),
    };
  };
  return {
    architecture: source.architecture,
    vocabSize,
    hiddenSize,
    contextLength: config.positiveInteger('max_position_embeddings', DEFAULT_CONTEXT),
    embedding: {
      table: linear(source, { stem: names.embedding, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' }),
      scale: toBfloat16(hiddenSize ** 0.5), // the reference implementations scale in the weights' bf16
    },
    ropes: readRopes(config, headDim),
    layers: Array.from({ length: geometry.layers }, (_, i) => buildLayer(i)),
    finalNorm: norm(source, names.finalNorm, hiddenSize, eps, weightOffset),
    head: readHead(source, vocabSize, hiddenSize),
    logitSoftcap: readCap(config, 'final_logit_softcapping'),
  };
}

function readGemmaWindows(config: ConfigReader, layers: number): readonly (number | null)[] {
  const patternKey = config.has('_sliding_window_pattern') ? '_sliding_window_pattern' : 'sliding_window_pattern';
  const pattern = config.positiveInteger(patternKey, DEFAULT_PATTERN);
  return readWindows(config, layers, config.positiveInteger('sliding_window', DEFAULT_WINDOW), (i) => (i + 1) % pattern !== 0);
}

/** [global, local]. Scaling stretches the global layers only. */
function readRopes(config: ConfigReader, headDim: number): readonly RopeSpec[] {
  const byType = config.section('rope_parameters'); // transformers 5: one section for each type of layer
  if (byType?.has('full_attention')) {
    const one = (type: string, base: number) =>
      readRope(config.with({ rope_parameters: byType.raw(type), rope_scaling: null }), { headDim, base });
    return [one('full_attention', GLOBAL_ROPE_BASE), one('sliding_attention', LOCAL_ROPE_BASE)];
  }
  const local = config.with({
    rope_theta: config.positiveNumber('rope_local_base_freq', LOCAL_ROPE_BASE),
    rope_scaling: null,
    rope_parameters: null,
  });
  return [readRope(config, { headDim, base: GLOBAL_ROPE_BASE }), readRope(local, { headDim })];
}
