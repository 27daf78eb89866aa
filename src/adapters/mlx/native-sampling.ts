import type { SamplingOptions } from '../../../native/index.js';
import type { SamplingParams } from '../../core/domain/sampling.js';

/** The addon wants the logit biases as two arrays; everything else has the same name there. */
export function toNativeSampling({ logitBias, ...rest }: SamplingParams): SamplingOptions {
  return {
    ...rest,
    biasTokens: Int32Array.from(logitBias.keys()),
    biasValues: Float32Array.from(logitBias.values()),
  };
}
