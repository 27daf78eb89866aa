import type { ConfigReader } from './config-reader.js';

/** The sizes that every family has, under Hugging Face's names. */
export interface Geometry {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly eps: number;
}

export type GeometryDefaults = Partial<Geometry>;

/** Throws ModelFileCorrupt for sizes that do not fit together. */
export function readGeometry(config: ConfigReader, defaults: GeometryDefaults = {}): Geometry {
  const hiddenSize = config.positiveInteger('hidden_size', defaults.hiddenSize);
  const heads = config.positiveInteger('num_attention_heads', defaults.heads);
  const kvHeads = config.positiveInteger('num_key_value_heads', defaults.kvHeads ?? heads);
  const headDim = config.positiveInteger('head_dim', defaults.headDim ?? Math.floor(hiddenSize / heads));
  if (heads % kvHeads !== 0) throw config.corrupt('num_key_value_heads', `a divisor of ${heads} heads`);
  if (headDim % 2 !== 0) throw config.unsupported('head_dim', 'an even number');
  return {
    layers: config.positiveInteger('num_hidden_layers', defaults.layers),
    hiddenSize,
    feedForward: config.positiveInteger('intermediate_size', defaults.feedForward),
    heads,
    kvHeads,
    headDim,
    eps: config.positiveNumber('rms_norm_eps', defaults.eps),
  };
}
