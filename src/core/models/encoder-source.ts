import type { EncoderSpec } from '../domain/encoder-spec.js';
import type { ConfigReader } from './config-reader.js';
import type { QuantizationConfig } from './quantization-config.js';
import type { TensorLookup } from './tensor-lookup.js';

/** What an encoder family's builder works from. */
export interface EncoderSource {
  readonly config: ConfigReader;
  readonly tensors: TensorLookup;
  readonly quantization: QuantizationConfig;
}

export type EncoderBuilder = (source: EncoderSource) => EncoderSpec;
