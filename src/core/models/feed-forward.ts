import type { Activation, DenseFeedForwardSpec } from '../domain/decoder-spec.js';
import type { ConfigReader } from './config-reader.js';
import type { Geometry } from './geometry.js';
import { rowsFrom } from './linear.js';
import { linear, type ModelSource } from './model-source.js';

/** @param fused gate and up are rows of one matrix */
export function buildFeedForward(
  source: ModelSource,
  geometry: Geometry,
  layer: number,
  activation: Activation,
  fused = false,
): DenseFeedForwardSpec {
  const { hiddenSize, feedForward } = geometry;
  const stem = (part: 'gate' | 'up' | 'gateUp' | 'down'): string => source.names.layer(layer, part);
  const place = (part: 'gate' | 'up') => {
    if (!fused) return { stem: stem(part) };
    return { stem: stem('gateUp'), rows: { of: 2 * feedForward, pick: rowsFrom(part === 'gate' ? 0 : feedForward, feedForward) } };
  };
  const widen = (part: 'gate' | 'up') =>
    linear(source, { ...place(part), inFeatures: hiddenSize, outFeatures: feedForward, bias: 'optional' });
  return {
    kind: 'dense',
    activation,
    gate: widen('gate'),
    up: widen('up'),
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
