import type { LinearSpec, QuantizationSpec, TensorOp, TensorRef } from '../domain/decoder-spec.js';
import type { QuantizationConfig } from './quantization-config.js';
import { FLOAT_DTYPES, type TensorLookup } from './tensor-lookup.js';

export interface LinearWish {
  /** Tensor path without `.weight`. */
  readonly stem: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** E of stacked experts; undefined = one matrix. */
  readonly experts?: number;
  /** `optional`: added where the checkpoint has it. */
  readonly bias: 'required' | 'optional' | 'none';
  /** Where it is part of a matrix that several layers share: how many rows that has, and how to pick this one's. */
  readonly rows?: { readonly of: number; readonly pick: TensorOp };
  /** Put on weight, scales, biases and bias alike: all of them have the output rows in the same axis. */
  readonly rowOps?: readonly TensorOp[];
}

const AFFINE_BITS = [2, 3, 4, 5, 6, 8];
const AFFINE_GROUPS = [32, 64, 128];
const MXFP4 = { bits: 4, groupSize: 32 };

/**
 * One linear layer as the checkpoint has it: dense, or in one of MLX's packed formats. Bits and group size follow from
 * the shapes; where config.json claims something else for this very layer the files are inconsistent.
 */
export function buildLinear(tensors: TensorLookup, quantization: QuantizationConfig, wish: LinearWish): LinearSpec {
  const { stem, inFeatures, outFeatures } = wish;
  const weight = `${stem}.weight`;
  const packed = tensors.has(`${stem}.scales`);
  if (!packed) tensors.expect(weight, FLOAT_DTYPES, rows(wish, inFeatures));
  return {
    weight: ref(weight, wish),
    inFeatures,
    outFeatures,
    bias: buildBias(tensors, wish),
    quantization: packed ? buildQuantization(tensors, quantization, wish) : null,
  };
}

function buildBias(tensors: TensorLookup, wish: LinearWish): TensorRef | null {
  const name = `${wish.stem}.bias`;
  if (wish.bias === 'none' || (wish.bias === 'optional' && !tensors.has(name))) return null;
  tensors.expect(name, FLOAT_DTYPES, rows(wish));
  return ref(name, wish);
}

function buildQuantization(tensors: TensorLookup, config: QuantizationConfig, wish: LinearWish): QuantizationSpec {
  const { stem, inFeatures } = wish;
  const scales = tensors.info(`${stem}.scales`);
  const mode = scales.dtype === 'U8' ? 'mxfp4' : 'affine';
  const words = last(tensors.info(`${stem}.weight`).shape);
  const bits = (words * 32) / inFeatures;
  const groupSize = inFeatures / last(scales.shape);
  const known =
    mode === 'mxfp4'
      ? bits === MXFP4.bits && groupSize === MXFP4.groupSize
      : AFFINE_BITS.includes(bits) && AFFINE_GROUPS.includes(groupSize);
  if (!known)
    throw tensors.unsupported(
      `${stem}.weight`,
      `packed as ${bits} bits in groups of ${groupSize} with ${scales.dtype} scales, which is no format of ours`,
    );
  checkClaim(tensors, config, stem, { bits, groupSize, mode });
  tensors.expect(`${stem}.weight`, ['U32'], rows(wish, words));
  tensors.expect(`${stem}.scales`, mode === 'mxfp4' ? ['U8'] : FLOAT_DTYPES, rows(wish, inFeatures / groupSize));
  if (mode === 'affine') tensors.expect(`${stem}.biases`, FLOAT_DTYPES, rows(wish, inFeatures / groupSize));
  return { mode, bits, groupSize, scales: ref(`${stem}.scales`, wish), biases: mode === 'affine' ? ref(`${stem}.biases`, wish) : null };
}

function checkClaim(
  tensors: TensorLookup,
  config: QuantizationConfig,
  stem: string,
  found: { bits: number; groupSize: number; mode: string },
): void {
  const claim = config.override(stem);
  if (claim === undefined) return;
  const got = `${found.mode} of ${found.bits} bits in groups of ${found.groupSize}`;
  if (claim === false) throw tensors.corrupt(`${stem}.weight`, 'a dense weight, as config.json says', got);
  const fits =
    claim.mode === found.mode && (claim.bits ?? found.bits) === found.bits && (claim.groupSize ?? found.groupSize) === found.groupSize;
  if (!fits)
    throw tensors.corrupt(
      `${stem}.weight`,
      `${claim.mode} of ${claim.bits ?? 'any'} bits in groups of ${claim.groupSize ?? 'any'}, as config.json says`,
      got,
    );
}

/** [E?, out, ...rest] as the checkpoint has it. */
function rows(wish: LinearWish, ...rest: readonly number[]): number[] {
  return [...(wish.experts === undefined ? [] : [wish.experts]), wish.rows?.of ?? wish.outFeatures, ...rest];
}

function ref(name: string, wish: LinearWish): TensorRef {
  return { name, ops: [...(wish.rows === undefined ? [] : [wish.rows.pick]), ...(wish.rowOps ?? [])] };
}

/** Rows [start, start + count). */
export function rowsFrom(start: number, count: number): TensorOp {
  return { op: 'slice', axis: 0, start, stop: start + count, step: 1 };
}

function last(shape: readonly number[]): number {
  return shape[shape.length - 1] ?? 0;
}
