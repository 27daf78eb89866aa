import type { ByteCursor } from './byte-cursor.js';

export type GgufNumbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array;

/** One metadata value. 64-bit integers are numbers while that is exact, else bigint; a list of booleans is 0s and 1s. */
export type GgufValue = number | bigint | boolean | string | readonly string[] | GgufNumbers;

/** A value that breaks the format; the reader adds the file and key. */
export class BadGgufValue extends Error {}

/** A valid value that MLX's own reader of this file would trip over. */
export class UnreadableGgufValue extends Error {}

const STRING = 8;
const ARRAY = 9;
const DOUBLE = 12;
/** Longest key or string: more is damage, not data. */
const MAX_STRING_BYTES = 64 * 1024 * 1024;

interface ScalarType {
  readonly bytes: number;
  read(view: Buffer): number | bigint | boolean;
  list(bytes: ArrayBuffer): GgufNumbers;
}

const exact = (value: bigint): number | bigint =>
  value === BigInt(Number(value)) && Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** By the format's type number. */
const SCALARS: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [0, { bytes: 1, read: (b) => b.readUInt8(), list: (a) => new Uint8Array(a) }],
  [1, { bytes: 1, read: (b) => b.readInt8(), list: (a) => new Int8Array(a) }],
  [2, { bytes: 2, read: (b) => b.readUInt16LE(), list: (a) => new Uint16Array(a) }],
  [3, { bytes: 2, read: (b) => b.readInt16LE(), list: (a) => new Int16Array(a) }],
  [4, { bytes: 4, read: (b) => b.readUInt32LE(), list: (a) => new Uint32Array(a) }],
  [5, { bytes: 4, read: (b) => b.readInt32LE(), list: (a) => new Int32Array(a) }],
  [6, { bytes: 4, read: (b) => b.readFloatLE(), list: (a) => new Float32Array(a) }],
  [7, { bytes: 1, read: readBoolean, list: (a) => new Uint8Array(a) }],
  [10, { bytes: 8, read: (b) => exact(b.readBigUInt64LE()), list: (a) => new BigUint64Array(a) }],
  [11, { bytes: 8, read: (b) => exact(b.readBigInt64LE()), list: (a) => new BigInt64Array(a) }],
]);

/** MLX 0.32 steps over a 64-bit float as if it had 4 bytes and crashes on what it takes for the next key. */
function scalarType(type: number): ScalarType | undefined {
  if (type === DOUBLE) throw new UnreadableGgufValue('is a 64-bit float, which MLX cannot read; wanted a 32-bit one');
  return SCALARS.get(type);
}

function readBoolean(bytes: Buffer): boolean {
  const value = bytes.readUInt8();
  if (value > 1) throw new BadGgufValue(`wanted a boolean of 0 or 1, got ${value}`);
  return value === 1;
}

export function readGgufString(cursor: ByteCursor): string {
  const length = cursor.u64();
  if (length > MAX_STRING_BYTES) throw new BadGgufValue(`wanted a string of at most ${MAX_STRING_BYTES} bytes, got ${length}`);
  return cursor.text(length);
}

export function readGgufValue(cursor: ByteCursor, remainingBytes: number): GgufValue {
  const type = cursor.u32();
  if (type === STRING) return readGgufString(cursor);
  if (type === ARRAY) return readArray(cursor, remainingBytes);
  const scalar = scalarType(type);
  if (scalar === undefined) throw new BadGgufValue(`wanted a value type of 0..12, got ${type}`);
  return scalar.read(cursor.view(scalar.bytes));
}

function readArray(cursor: ByteCursor, remainingBytes: number): GgufValue {
  const type = cursor.u32();
  const length = cursor.u64();
  const elementBytes = type === STRING ? 8 : scalarType(type)?.bytes;
  if (elementBytes === undefined) throw new BadGgufValue(`wanted a list of scalars or strings, got element type ${type}`);
  if (length * elementBytes > remainingBytes) {
    throw new BadGgufValue(`wanted a list that fits into the file, got ${length} elements of at least ${elementBytes} bytes`);
  }
  if (type === STRING) {
    const out: string[] = [];
    for (let i = 0; i < length; i++) out.push(readGgufString(cursor));
    return out;
  }
  return scalarType(type)!.list(cursor.copy(length * elementBytes).buffer);
}
