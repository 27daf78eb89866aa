/** Elements of 16 bits to f32 and back, rounded to the nearest, ties to even, as hardware does. */
const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);
/** Added to and taken from a double, it rounds to a whole number, ties to even. */
export const TO_WHOLE = 1.5 * 2 ** 52;

export type FloatType = 'F32' | 'F16' | 'BF16';

export const ELEMENT_BYTES: Readonly<Record<FloatType, number>> = { F32: 4, F16: 2, BF16: 2 };

/** f16 by its bits. */
const HALVES = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const [sign, exponent, fraction] = [bits >>> 15 === 0 ? 1 : -1, (bits >>> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
});

export function fromHalf(bits: number): number {
  return HALVES[bits]!;
}

export function toHalf(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= 0x7f800000) return sign | (size > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (size >= 0x477ff000) return sign | 0x7c00; // 65520 and more round to infinity
  if (size < 0x38800000) return sign | (Math.abs(FLOAT[0]) * 2 ** 24 + TO_WHOLE - TO_WHOLE);
  return sign | ((size + 0xfff + ((size >>> 13) & 1) - 0x38000000) >>> 13);
}

function toBrain(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Bytes of a file as numbers; a view of them where they are f32 and lie well. */
export function decodeFloats(type: FloatType, bytes: Buffer): Float32Array {
  const count = bytes.length / ELEMENT_BYTES[type];
  const out = new Float32Array(count);
  if (type === 'F32') {
    new Uint8Array(out.buffer).set(bytes);
    return out;
  }
  const words = new Uint16Array(count);
  new Uint8Array(words.buffer).set(bytes);
  if (type === 'F16') for (let i = 0; i < count; i++) out[i] = HALVES[words[i]!]!;
  else {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < count; i++) bits[i] = words[i]! << 16;
  }
  return out;
}

export function encodeFloats(type: FloatType, values: Float32Array): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const words = new Uint16Array(values.length);
  const encode = type === 'F16' ? toHalf : toBrain;
  for (let i = 0; i < values.length; i++) words[i] = encode(values[i]!);
  return new Uint8Array(words.buffer);
}
