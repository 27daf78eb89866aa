/**
 * Qwen 3.5 (dense): three gated delta nets to one attention layer, whose heads are gated and a quarter rotated. Text only; the vision
 * tower of the published files is not read.
 */
import type { DecoderSpec, LayerSpec } from '../domain/decoder-spec.js';
import { buildAttention } from './attention.js';
import type { ConfigReader } from './config-reader.js';
import { buildFeedForward, readActivation } from './feed-forward.js';
import { buildGatedDelta } from './gated-delta.js';
import { type Geometry, readGeometry } from './geometry.js';
import { linear, norm, readHead, readVocabSize, type ModelSource } from './model-source.js';
import { readContextLength, readRope } from './rope-config.js';
import { huggingFaceNames } from './weight-names.js';

/** Paths of the decoder and its head: mlx-community, Hugging Face, text only. */
const LAYOUTS: readonly { readonly body: string; readonly head: string }[] = [
  { body: 'language_model.model.', head: 'language_model.lm_head' },
  { body: 'model.language_model.', head: 'lm_head' },
  { body: 'model.', head: 'lm_head' },
];
const DEFAULT_INTERVAL = 4; // every fourth layer attends
const DEFAULT_ROTATED = 0.25;

export function buildQwen35(source: ModelSource): DecoderSpec {
  const { config, tensors } = source;
  const text = config.section('text_config') ?? config;
  const layout = LAYOUTS.find(({ body }) => tensors.has(`${body}embed_tokens.weight`)) ?? LAYOUTS[0]!;
  const inherited = !text.has('tie_word_embeddings') && config.has('tie_word_embeddings');
  return buildText(
    {
      ...source,
      config: inherited ? text.with({ tie_word_embeddings: config.raw('tie_word_embeddings') }) : text,
      names: huggingFaceNames(layout.body, layout.head),
    },
    layout.body,
  );
}

function buildText(source: ModelSource, body: string): DecoderSpec {
  const { config, names } = source;
  refuseOthers(config);
  const geometry = readGeometry(config);
  const { layers, hiddenSize, headDim, eps } = geometry;
  const vocabSize = readVocabSize(source);
  const activation = readActivation(config, 'hidden_act', 'silu');
  const attends = readKinds(config, layers);
  const weightOffset = storesNormsLessOne(source, attends, body) ? 1 : 0;
  const attend = (i: number) =>
    buildAttention(source, geometry, i, {
      scale: headDim ** -0.5,
      rope: 0,
      window: null,
      qkvBias: 'optional',
      qkNorm: { weightOffset },
      gated: true,
    });
  const buildLayer = (i: number): LayerSpec => ({
    inputNorm: norm(source, names.layer(i, 'inputNorm'), hiddenSize, eps, weightOffset),
    ...(attends[i] ? { attention: attend(i) } : { recurrence: buildGatedDelta(source, geometry, `${body}layers.${i}.linear_attn`) }),
    postAttentionNorm: null,
    feedForwardNorm: norm(source, names.layer(i, 'postAttentionNorm'), hiddenSize, eps, weightOffset),
    feedForward: buildFeedForward(source, geometry, i, activation),
    postFeedForwardNorm: null,
  });
  return {
    architecture: source.architecture,
    vocabSize,
    hiddenSize,
    contextLength: readContextLength(config),
    embedding: { table: linear(source, { stem: names.embedding, inFeatures: hiddenSize, outFeatures: vocabSize, bias: 'none' }), scale: 1 },
    ropes: [readRope(rotating(config, geometry), { headDim })],
    layers: Array.from({ length: layers }, (_, i) => buildLayer(i)),
    finalNorm: norm(source, names.finalNorm, hiddenSize, eps, weightOffset),
    head: readHead(source, vocabSize, hiddenSize),
    logitSoftcap: null,
  };
}

function refuseOthers(config: ConfigReader): void {
  if (config.has('num_experts') && config.raw('num_experts') !== 0) throw config.unsupported('num_experts', 'a dense model');
  if (!config.boolean('attn_output_gate', true)) throw config.unsupported('attn_output_gate', 'true');
}

/** By layer: whether it attends. */
function readKinds(config: ConfigReader, layers: number): readonly boolean[] {
  const types = config.texts('layer_types', layers);
  const interval = config.positiveInteger('full_attention_interval', DEFAULT_INTERVAL);
  return Array.from({ length: layers }, (_, i) => {
    const type = types?.[i] ?? ((i + 1) % interval === 0 ? 'full_attention' : 'linear_attention');
    if (type !== 'full_attention' && type !== 'linear_attention')
      throw config.unsupported('layer_types', '"full_attention" or "linear_attention" for every layer');
    return type === 'full_attention';
  });
}

/** Hugging Face stores the norms' weights - 1, and convolutions as [channels, 1, kernel]; mlx-lm converts both. */
function storesNormsLessOne({ tensors }: ModelSource, attends: readonly boolean[], body: string): boolean {
  const first = attends.indexOf(false);
  return first >= 0 && tensors.info(`${body}layers.${first}.linear_attn.conv1d.weight`).shape[2] !== 1;
}

/** Positions of text are alike in all three sections of the multimodal rotation: it is the plain one. */
function rotating(config: ConfigReader, { headDim }: Geometry): ConfigReader {
  const section = config.section('rope_parameters') ?? config.section('rope_scaling');
  const share = section?.has('partial_rotary_factor') ? section : config;
  const factor = share.positiveNumber('partial_rotary_factor', DEFAULT_ROTATED);
  if (Math.floor(headDim * factor) < 2) throw share.unsupported('partial_rotary_factor', 'at least one pair of a head');
  if (section === null) return config.with({ partial_rotary_factor: factor });
  const parameters = Object.fromEntries(section.keys().map((key) => [key, section.raw(key)]));
  return config.with({ rope_parameters: { ...parameters, partial_rotary_factor: factor } });
}
