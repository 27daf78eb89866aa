import { writeFileSync } from 'node:fs';

export interface F32Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint32Array | Uint8Array;
}

const dtypeOf = (data: Tensor['data']): string => (data instanceof Float32Array ? 'F32' : data instanceof Uint32Array ? 'U32' : 'U8');

/** Header length (uint64), header (JSON), then the tensors' bytes. */
export function writeSafetensors(path: string, tensors: ReadonlyMap<string, Tensor>): void {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const bodies = [...tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  writeFileSync(path, Buffer.concat([length, json, ...bodies]));
}
