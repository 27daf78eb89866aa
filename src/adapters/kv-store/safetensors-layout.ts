/**
 * Layout of a safetensors file whose header is a pure function of its metadata and its list of tensors: a reader builds it anew and
 * compares, so no flipped bit of a header passes. The data starts at a multiple of 4096 and each tensor at one of 64; what lies
 * between is a tensor too (`pad.N`), since the format has no holes.
 */

export interface LaidOutTensor {
  readonly name: string;
  readonly dtype: 'U8' | 'U64';
  readonly bytes: number;
}

export interface SafetensorsLayout {
  readonly header: Uint8Array; // length word, JSON, spaces: up to the data
  /** From the start of the file, one per tensor. */
  readonly offsets: readonly number[];
  readonly fileBytes: number;
}

const LENGTH_BYTES = 8;
const PAGE_BYTES = 4096;
const ALIGNMENT_BYTES = 64;
/** A longer header is damage: 64 MB is a conversation of some million tokens. */
export const MAX_HEADER_BYTES = 64 << 20;

export function layOutSafetensors(metadata: Readonly<Record<string, string>>, tensors: readonly LaidOutTensor[]): SafetensorsLayout {
  const json: Record<string, unknown> = { __metadata__: metadata };
  const starts: number[] = [];
  let end = 0;
  const add = (name: string, dtype: 'U8' | 'U64', bytes: number): void => {
    const shape = [dtype === 'U8' ? bytes : bytes / 8];
    json[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  };
  for (const { name, dtype, bytes } of tensors) {
    const gap = roundUp(end, ALIGNMENT_BYTES) - end;
    if (gap > 0) add(`pad.${starts.length}`, 'U8', gap);
    starts.push(end);
    add(name, dtype, bytes);
  }
  const text = new TextEncoder().encode(JSON.stringify(json));
  const dataStart = roundUp(LENGTH_BYTES + text.length, PAGE_BYTES);
  const header = new Uint8Array(dataStart).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  header.set(text, LENGTH_BYTES);
  return { header, offsets: starts.map((start) => dataStart + start), fileBytes: dataStart + end };
}

/** Bytes of the whole header by its first 8 bytes; null where they cannot be right. */
export function headerLength(head: Uint8Array): number | null {
  if (head.length < LENGTH_BYTES) return null;
  const bytes = Number(new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(0, true)) + LENGTH_BYTES;
  return bytes <= MAX_HEADER_BYTES && bytes % PAGE_BYTES === 0 ? bytes : null;
}

/** `__metadata__` of a header; null where it is not one. */
export function headerMetadata(header: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const json = JSON.parse(new TextDecoder().decode(header.subarray(LENGTH_BYTES))) as unknown;
    if (typeof json !== 'object' || json === null || !('__metadata__' in json)) return null;
    const metadata = json.__metadata__;
    return typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
