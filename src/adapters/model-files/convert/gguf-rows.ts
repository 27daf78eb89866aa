/** Elements of GGUF's types as f32. */
import { SemanticError } from '../../../core/domain/errors.js';
import type { GgufTensor } from '../read-gguf.js';
import { decodeFloats, type FloatType, fromHalf } from './float-formats.js';

const BLOCK = 32;

type Decode = (bytes: Buffer, out: Float32Array) => void;

/** d * (q - 8); the low halves of the bytes are the first 16 elements, the high ones the last. */
const q40: Decode = (bytes, out) => {
  for (let block = 0, at = 0; at < bytes.length; block += BLOCK, at += 18) {
    const d = fromHalf(bytes.readUInt16LE(at));
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 2 + i]!;
      out[block + i] = d * ((byte & 15) - 8);
      out[block + 16 + i] = d * ((byte >> 4) - 8);
    }
  }
};

/** d * q + m. */
const q41: Decode = (bytes, out) => {
  for (let block = 0, at = 0; at < bytes.length; block += BLOCK, at += 20) {
    const d = fromHalf(bytes.readUInt16LE(at));
    const m = fromHalf(bytes.readUInt16LE(at + 2));
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 4 + i]!;
      out[block + i] = d * (byte & 15) + m;
      out[block + 16 + i] = d * (byte >> 4) + m;
    }
  }
};

/** d * q, q signed. */
const q80: Decode = (bytes, out) => {
  for (let block = 0, at = 0; at < bytes.length; block += BLOCK, at += 34) {
    const d = fromHalf(bytes.readUInt16LE(at));
    for (let i = 0; i < BLOCK; i++) out[block + i] = d * bytes.readInt8(at + 2 + i);
  }
};

const dense =
  (type: FloatType): Decode =>
  (bytes, out) =>
    out.set(decodeFloats(type, bytes));

const DECODERS: Readonly<Record<string, Decode>> = {
  Q4_0: q40,
  Q4_1: q41,
  Q8_0: q80,
  F32: dense('F32'),
  F16: dense('F16'),
  BF16: dense('BF16'),
};

export function decodeGguf({ name, type }: GgufTensor, bytes: Buffer): Float32Array {
  const decode = DECODERS[type.name];
  if (decode === undefined) {
    throw new SemanticError(
      'ModelUnsupported',
      `[convert] tensor "${name}" is ${type.name}; wanted one of ${Object.keys(DECODERS).join(', ')}`,
    );
  }
  const out = new Float32Array((bytes.length / type.blockBytes) * type.blockElements);
  decode(bytes, out);
  return out;
}
