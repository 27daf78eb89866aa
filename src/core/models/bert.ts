/** BERT and all that share its shape: the sentence encoders of MiniLM, BGE, GTE and E5. With or without `bert.` before the tensors' names. */
import type { EncoderLayerSpec, EncoderSpec, LayerNormSpec } from '../domain/encoder-spec.js';
import type { LinearSpec } from '../domain/decoder-spec.js';
import type { EncoderSource } from './encoder-source.js';
import { buildLinear } from './linear.js';

export function buildBert(source: EncoderSource): EncoderSpec {
  const { config, tensors } = source;
  refuseOthers(source);
  const hiddenSize = config.positiveInteger('hidden_size');
  const heads = config.positiveInteger('num_attention_heads');
  if (hiddenSize % heads !== 0) throw config.corrupt('num_attention_heads', `a divisor of hidden_size ${hiddenSize}`);
  const contextLength = config.positiveInteger('max_position_embeddings');
  const prefix = tensors.has('bert.embeddings.word_embeddings.weight') ? 'bert.' : '';
  const embeddings = `${prefix}embeddings`;
  const types = config.positiveInteger('type_vocab_size', 2);
  const eps = config.positiveNumber('layer_norm_eps', 1e-12);
  const geometry: Geometry = { hiddenSize, width: config.positiveInteger('intermediate_size'), eps };
  tensors.floats(`${embeddings}.token_type_embeddings.weight`, [types, hiddenSize]);
  return {
    architecture: config.architecture,
    vocabSize: config.positiveInteger('vocab_size'),
    hiddenSize,
    contextLength,
    heads,
    headDim: hiddenSize / heads,
    feedForwardWidth: geometry.width,
    scale: (hiddenSize / heads) ** -0.5,
    tokens: buildLinear(tensors, source.quantization, {
      stem: `${embeddings}.word_embeddings`,
      inFeatures: hiddenSize,
      outFeatures: config.positiveInteger('vocab_size'),
      bias: 'none',
    }),
    positions: tensors.floats(`${embeddings}.position_embeddings.weight`, [contextLength, hiddenSize]),
    tokenType: {
      name: `${embeddings}.token_type_embeddings.weight`,
      ops: [
        { op: 'slice', axis: 0, start: 0, stop: 1, step: 1 },
        { op: 'flatten', start: 0 },
      ],
    },
    embeddingNorm: norm(source, `${embeddings}.LayerNorm`, geometry),
    layers: Array.from({ length: config.positiveInteger('num_hidden_layers') }, (_, i) =>
      layer(source, `${prefix}encoder.layer.${i}`, geometry),
    ),
  };
}

interface Geometry {
  readonly hiddenSize: number;
  readonly width: number;
  readonly eps: number;
}

function layer(source: EncoderSource, at: string, geometry: Geometry): EncoderLayerSpec {
  const { hiddenSize, width } = geometry;
  const linear = (stem: string, inFeatures: number, outFeatures: number): LinearSpec =>
    buildLinear(source.tensors, source.quantization, { stem: `${at}.${stem}`, inFeatures, outFeatures, bias: 'required' });
  return {
    q: linear('attention.self.query', hiddenSize, hiddenSize),
    k: linear('attention.self.key', hiddenSize, hiddenSize),
    v: linear('attention.self.value', hiddenSize, hiddenSize),
    o: linear('attention.output.dense', hiddenSize, hiddenSize),
    attentionNorm: norm(source, `${at}.attention.output.LayerNorm`, geometry),
    up: linear('intermediate.dense', hiddenSize, width),
    down: linear('output.dense', width, hiddenSize),
    feedForwardNorm: norm(source, `${at}.output.LayerNorm`, geometry),
  };
}

function norm({ tensors }: EncoderSource, stem: string, { hiddenSize, eps }: Geometry): LayerNormSpec {
  return { weight: tensors.floats(`${stem}.weight`, [hiddenSize]), bias: tensors.floats(`${stem}.bias`, [hiddenSize]), eps };
}

function refuseOthers({ config }: EncoderSource): void {
  if (config.text('hidden_act', 'gelu') !== 'gelu') throw config.unsupported('hidden_act', '"gelu", the one with the error function');
  if (config.text('position_embedding_type', 'absolute') !== 'absolute') throw config.unsupported('position_embedding_type', '"absolute"');
  if (config.boolean('is_decoder', false)) throw config.unsupported('is_decoder', 'an encoder');
}
