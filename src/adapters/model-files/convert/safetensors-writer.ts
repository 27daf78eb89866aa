/** A safetensors file whose tensors come piece by piece: all places are known before the first byte. */
import { open } from 'node:fs/promises';

export interface NewTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

export interface SafetensorsWriter {
  /** Appends to a tensor. */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Synced. Throws where a tensor is not complete. */
  close(): Promise<void>;
  abandon(): Promise<void>;
}

export async function writeSafetensors(path: string, tensors: readonly NewTensor[]): Promise<SafetensorsWriter> {
  const header: Record<string, unknown> = { __metadata__: { format: 'mlx' } };
  let end = 0;
  for (const { name, dtype, shape, bytes } of tensors) header[name] = { dtype, shape, data_offsets: [end, (end += bytes)] };
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const places = new Map<string, { at: number; readonly end: number }>();
  let at = 8 + padded.length;
  for (const { name, bytes } of tensors) places.set(name, { at, end: (at += bytes) });
  const file = await open(path, 'w', 0o600);
  await file.write(Buffer.concat([length, padded]));
  return {
    async append(name, bytes) {
      const place = places.get(name)!;
      if (place.at + bytes.length > place.end)
        throw new Error(`${name}: ${place.at + bytes.length - place.end} bytes more than there is place`);
      await file.write(bytes, 0, bytes.length, place.at);
      place.at += bytes.length;
    },
    async close() {
      for (const [name, place] of places) if (place.at !== place.end) throw new Error(`${name}: ${place.end - place.at} bytes are missing`);
      await file.sync();
      await file.close();
    },
    abandon: () => file.close(),
  };
}
