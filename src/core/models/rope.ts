/**
 * Inverse frequencies of rotary position embeddings with every scaling rule applied.
 * Rules as in Hugging Face transformers' modeling_rope_utils (v5), checked against mlx-lm's rope_utils.
 */
import type { RopeSpec } from '../domain/decoder-spec.js';

export type RopeScaling =
  | { readonly kind: 'default' }
  /** Positions divided by `factor`. */
  | { readonly kind: 'linear'; readonly factor: number }
  | Llama3Scaling
  | YarnScaling
  /** [dims / 2] divisors of the frequencies: GGUF's `rope_freqs.weight`, or one of longrope's two lists. */
  | { readonly kind: 'factors'; readonly factors: readonly number[]; readonly attentionFactor: number };

/** Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between are blended. */
export interface Llama3Scaling {
  readonly kind: 'llama3';
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  /** Tokens of the context before it was extended. */
  readonly originalContext: number;
}

/** YaRN (arXiv 2309.00071): a linear ramp over the dimensions from extrapolation to interpolation. */
export interface YarnScaling {
  readonly kind: 'yarn';
  readonly factor: number;
  readonly originalContext: number;
  /** Rotations within `originalContext` above which a dimension is kept, and below which it is stretched. */
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Round the ends of the ramp outward to whole dimensions; GPT-OSS does not. */
  readonly truncate: boolean;
  /** Multiplied into rotated q and k. */
  readonly attentionFactor: number;
}

/** For layers without positions (NoPE): turns by no angle, bit for bit. */
export const IDENTITY_ROPE: RopeSpec = { dims: 2, inverseFrequencies: [0], attentionFactor: 1 };

/** @param dims rotated elements of a head, even */
export function buildRope(dims: number, base: number, scaling: RopeScaling): RopeSpec {
  const plain = Array.from({ length: dims / 2 }, (_, i) => base ** (-(2 * i) / dims));
  const attentionFactor = 'attentionFactor' in scaling ? scaling.attentionFactor : 1;
  return { dims, inverseFrequencies: scale(plain, dims, base, scaling), attentionFactor };
}

function scale(plain: readonly number[], dims: number, base: number, scaling: RopeScaling): readonly number[] {
  switch (scaling.kind) {
    case 'default':
      return plain;
    case 'linear':
      return plain.map((f) => f / scaling.factor);
    case 'factors':
      return plain.map((f, i) => f / scaling.factors[i]!);
    case 'llama3':
      return plain.map((f) => llama3(f, scaling));
    case 'yarn':
      return yarn(plain, dims, base, scaling);
  }
}

function llama3(frequency: number, { factor, lowFreqFactor, highFreqFactor, originalContext }: Llama3Scaling): number {
  const wavelength = (2 * Math.PI) / frequency; // tokens per turn
  if (wavelength > originalContext / lowFreqFactor) return frequency / factor;
  if (wavelength < originalContext / highFreqFactor) return frequency;
  const smooth = (originalContext / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

function yarn(plain: readonly number[], dims: number, base: number, scaling: YarnScaling): readonly number[] {
  /** Dimension whose wavelength turns `rotations` times within the original context. */
  const dimensionOf = (rotations: number): number =>
    (dims * Math.log(scaling.originalContext / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  const fast = dimensionOf(scaling.betaFast);
  const slow = dimensionOf(scaling.betaSlow);
  const low = Math.max(scaling.truncate ? Math.floor(fast) : fast, 0);
  const end = Math.min(scaling.truncate ? Math.ceil(slow) : slow, dims - 1);
  const high = low === end ? end + 0.001 : end; // no division by zero
  return plain.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (frequency / scaling.factor) * stretched + frequency * (1 - stretched);
  });
}

/** YaRN's factor on attention for a context stretched `factor` times. */
export function yarnMscale(factor: number, mscale = 1): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}
