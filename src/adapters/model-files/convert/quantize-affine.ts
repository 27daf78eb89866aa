/** MLX's affine quantization, bit for bit as its CPU device does it: w = scale * q + bias over groups of a row. */
import { TO_WHOLE } from './float-formats.js';

export interface Packed {
  /** Codes, the first in the lowest bits. [elements * bits / 32] */
  readonly words: Uint32Array;
  /** In f32, before they are rounded to the type of the file. [elements / groupSize] */
  readonly scales: Float32Array;
  readonly biases: Float32Array;
}

const SMALLEST_SCALE = Math.fround(1e-7);
const f32 = Math.fround;

/** @param values whole groups, in a type of the file; @param bits a divisor of 32 */
export function quantizeAffine(values: Float32Array, bits: 4 | 8, groupSize: number): Packed {
  const groups = values.length / groupSize;
  const perWord = 32 / bits;
  const largest = 2 ** bits - 1;
  const packed = { words: new Uint32Array(values.length / perWord), scales: new Float32Array(groups), biases: new Float32Array(groups) };
  for (let group = 0; group < groups; group++) {
    const start = group * groupSize;
    const end = start + groupSize;
    const { scale, bias } = scaleOf(values, start, end, largest);
    packed.scales[group] = scale;
    packed.biases[group] = bias;
    for (let i = start; i < end; i += perWord) {
      let word = 0;
      for (let k = 0; k < perWord; k++) {
        const code = f32(f32(values[i + k]! - bias) / scale) + TO_WHOLE - TO_WHOLE;
        word |= Math.min(Math.max(code, 0), largest) << (k * bits);
      }
      packed.words[i / perWord] = word;
    }
  }
  return packed;
}

/** The edge that is further from zero gets a code of its own, so that it is kept exactly; its sign is the scale's. */
function scaleOf(values: Float32Array, start: number, end: number, largest: number): { readonly scale: number; readonly bias: number } {
  let [min, max] = [Infinity, -Infinity];
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    if (value > max) max = value;
    if (value < min) min = value;
  }
  const width = Math.max(f32(f32(max - min) / largest), SMALLEST_SCALE);
  const atMin = Math.abs(min) > Math.abs(max);
  const scale = atMin ? width : -width;
  const edge = atMin ? min : max;
  const code = f32(edge / scale) + TO_WHOLE - TO_WHOLE;
  return code === 0 ? { scale, bias: 0 } : { scale: f32(edge / code), bias: edge };
}
