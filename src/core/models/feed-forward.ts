import type { Activation, DenseFeedForwardSpec } from '../domain/decoder-spec.js';
import type { ConfigReader } from './config-reader.js';
import type { Geometry } from './geometry.js';
import { linear, type ModelSource } from './model-source.js';

export function buildFeedForward(source: ModelSource, geometry: Geometry, layer: number, activation: Activation): DenseFeedForwardSpec {
  const { hiddenSize, feedForward } = geometry;
  const stem = (part: 'gate' | 'up' | 'down'): string => source.names.layer(layer, part);
  return {
    kind: 'dense',
    activation,
    gate: linear(source, { stem: stem('gate'), inFeatures: hiddenSize, outFeatures: feedForward, bias: 'optional' }),
    up: linear(source, { stem: stem('up'), inFeatures: hiddenSize, outFeatures: feedForward, bias: 'optional' }),
    down: linear(source, { stem: stem('down'), inFeatures: feedForward, outFeatures: hiddenSize, bias: 'optional' }),
  };
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  silu: { kind: 'silu' },
  swish: { kind: 'silu' },
  gelu_pytorch_tanh: { kind: 'gelu-tanh' },
};

/** @param key `hidden_act`, or Gemma's `hidden_activation` */
export function readActivation(config: ConfigReader, key: string, fallback: string): Activation {
  const activation = ACTIVATIONS[config.text(key, fallback)];
  if (activation === undefined) throw config.unsupported(key, Object.keys(ACTIVATIONS).join(', '));
  return activation;
}
