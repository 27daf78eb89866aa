/** Writes GGUF headers byte by byte, right ones and wrong ones. */
const bytesOf = (count: number, write: (buffer: Buffer) => void): Buffer => {
  const buffer = Buffer.alloc(count);
  write(buffer);
  return buffer;
};

export const u32 = (value: number): Buffer => bytesOf(4, (b) => b.writeUInt32LE(value));
export const u64 = (value: number | bigint): Buffer => bytesOf(8, (b) => b.writeBigUInt64LE(BigInt(value)));
export const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** `value` begins with its type number. */
export const entry = (key: string, ...value: readonly Buffer[]): Buffer => Buffer.concat([text(key), ...value]);

export interface TensorBytes {
  readonly name: string;
  /** In the file's order: the fastest axis first. */
  readonly dims: readonly number[];
  readonly type: number;
  readonly offset: number;
}

export const tensor = ({ name, dims, type, offset }: TensorBytes): Buffer =>
  Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)]);

export interface GgufBytes {
  readonly magic?: string;
  readonly version?: number;
  readonly tensorCount?: number | bigint;
  readonly keyCount?: number | bigint;
  readonly entries?: readonly Buffer[];
  readonly tensors?: readonly TensorBytes[];
  readonly dataBytes?: number;
}

export function gguf({ magic = 'GGUF', version = 3, tensorCount, keyCount, entries = [], tensors = [], dataBytes = 0 }: GgufBytes): Buffer {
  const header = Buffer.concat([
    Buffer.from(magic),
    u32(version),
    u64(tensorCount ?? tensors.length),
    u64(keyCount ?? entries.length),
    ...entries,
    ...tensors.map(tensor),
  ]);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), Buffer.alloc(dataBytes)]);
}
