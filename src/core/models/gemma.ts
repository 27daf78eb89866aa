/** What Gemma's generations share. */
import type { ConfigReader } from './config-reader.js';

export function readCap(config: ConfigReader, key: string): number | null {
  return config.has(key) ? config.positiveNumber(key) : null;
}

/** Nearest value with bfloat16's 8 bits of mantissa, ties to even. */
export function toBfloat16(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0] = ((bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) >>> 16) << 16;
  return new Float32Array(bits.buffer)[0]!;
}
