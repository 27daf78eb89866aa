/** Header of a GGUF file (versions 2 and 3): metadata and tensor table, checked against the file's size. Weights stay on disk. */
import { open, type FileHandle } from 'node:fs/promises';
import { SemanticError } from '../../core/domain/errors.js';
import { ByteCursor, PastTheEnd } from './byte-cursor.js';
import { fileMissing } from './file-errors.js';
import { GGUF_TENSOR_TYPES, type GgufTensorType } from './gguf-tensor-types.js';
import { BadGgufValue, UnreadableGgufValue, readGgufString, readGgufValue, type GgufValue } from './gguf-value.js';

export interface GgufTensor {
  readonly name: string;
  readonly type: GgufTensorType;
  /** Row-major, as MLX has it: the reverse of the order in the file. */
  readonly shape: readonly number[];
  /** Byte in the file where its data starts, and how long it is. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufFile {
  readonly path: string;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

const MAGIC = 'GGUF';
const FIRST_READ_BYTES = 4 * 1024 * 1024; // holds the header of a vocabulary of 49k tokens
const READ_GROWTH = 4;
const DEFAULT_ALIGNMENT = 32;
const MAX_DIMENSIONS = 4; // ggml's own limit
const MIN_KEY_BYTES = 8 + 4 + 1; // length, type, smallest value
const MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8; // length, dimensions, one dimension, type, offset

/** Throws ModelFileMissing, ModelFileCorrupt, or ModelUnsupported for a version or tensor type nobody defined. */
export async function readGguf(path: string): Promise<GgufFile> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw fileMissing(path, new Error('not a regular file'));
    const size = stat.size;
    for (let bytes = FIRST_READ_BYTES; ; bytes *= READ_GROWTH) {
      const header = await readFront(file, Math.min(bytes, size));
      const parsed = parse(path, header, size);
      if (parsed !== null) return parsed;
    }
  } finally {
    await file.close();
  }
}

async function readFront(file: FileHandle, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** `null` when the header is longer than the bytes given, and the file has more. */
function parse(path: string, header: Buffer, fileBytes: number): GgufFile | null {
  const cursor = new ByteCursor(header);
  try {
    return parseHeader(path, cursor, fileBytes);
  } catch (error) {
    if (error instanceof PastTheEnd) {
      if (header.length < fileBytes && error.wantedBytes <= fileBytes) return null;
      throw corrupt(path, `${error.reading}: wanted ${error.wantedBytes} bytes of file, got ${fileBytes}`, error);
    }
    if (error instanceof BadGgufValue) throw corrupt(path, `${cursor.reading}: ${error.message}`, error);
    if (error instanceof UnreadableGgufValue) {
      throw new SemanticError('ModelUnsupported', `[gguf.read] ${path}: ${cursor.reading} ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function parseHeader(path: string, cursor: ByteCursor, fileBytes: number): GgufFile {
  const magic = cursor.view(4).toString('latin1');
  if (magic !== MAGIC) throw corrupt(path, `wanted the magic "${MAGIC}", got ${JSON.stringify(magic)}`);
  const version = cursor.u32();
  if (version !== 2 && version !== 3) {
    throw new SemanticError('ModelUnsupported', `[gguf.read] ${path}: wanted GGUF version 2 or 3 (little-endian), got ${version}`);
  }
  const tensorCount = cursor.u64();
  const keyCount = cursor.u64();
  if (tensorCount * MIN_TENSOR_BYTES + keyCount * MIN_KEY_BYTES > fileBytes) {
    throw corrupt(path, `${tensorCount} tensors and ${keyCount} keys do not fit into ${fileBytes} bytes`);
  }
  const metadata = readMetadata(cursor, keyCount, fileBytes);
  const table = readTensorTable(path, cursor, tensorCount);
  const alignment = readAlignment(path, metadata);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = table.map((tensor) => ({ ...tensor, offset: dataStart + tensor.offset }));
  checkExtents(path, tensors, alignment, fileBytes);
  return { path, version, metadata, tensors };
}

function readMetadata(cursor: ByteCursor, count: number, fileBytes: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    cursor.reading = `metadata key ${i} of ${count}`;
    const key = readGgufString(cursor);
    cursor.reading = `metadata "${key}"`;
    if (metadata.has(key)) throw new BadGgufValue('wanted every key once, got it twice');
    metadata.set(key, readGgufValue(cursor, fileBytes - cursor.position));
  }
  return metadata;
}

/** Offsets are still relative to the data section. */
function readTensorTable(path: string, cursor: ByteCursor, count: number): GgufTensor[] {
  const tensors: GgufTensor[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) {
    cursor.reading = `tensor ${i} of ${count}`;
    const name = readGgufString(cursor);
    cursor.reading = `tensor "${name}"`;
    if (seen.has(name)) throw new BadGgufValue('wanted every tensor once, got it twice');
    seen.add(name);
    tensors.push(readTensor(path, cursor, name));
  }
  return tensors;
}

function readTensor(path: string, cursor: ByteCursor, name: string): GgufTensor {
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) throw new BadGgufValue(`wanted 1..${MAX_DIMENSIONS} dimensions, got ${dimensions}`);
  const shape: number[] = [];
  for (let d = 0; d < dimensions; d++) shape.unshift(cursor.u64());
  const typeId = cursor.u32();
  const offset = cursor.u64();
  const type = GGUF_TENSOR_TYPES.get(typeId);
  if (type === undefined) {
    throw new SemanticError('ModelUnsupported', `[gguf.read] ${path}: tensor "${name}" has the unknown type number ${typeId}`);
  }
  const rowElements = shape[shape.length - 1]!;
  if (shape.some((n) => n < 1) || rowElements % type.blockElements !== 0) {
    throw new BadGgufValue(`wanted rows of a multiple of ${type.blockElements} elements for ${type.name}, got [${shape.join(', ')}]`);
  }
  const elements = shape.reduce((a, b) => a * b, 1);
  const bytes = (elements / type.blockElements) * type.blockBytes;
  if (!Number.isSafeInteger(bytes) || !Number.isSafeInteger(offset))
    throw new BadGgufValue(`wanted a size in bytes, got shape [${shape.join(', ')}], offset ${offset}`);
  return { name, type, shape, offset, bytes };
}

function readAlignment(path: string, metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 8 || value > 65536 || value % 8 !== 0) {
    throw corrupt(path, `metadata "general.alignment": wanted a multiple of 8 up to 65536, got ${String(value)}`);
  }
  return value;
}

function checkExtents(path: string, tensors: readonly GgufTensor[], alignment: number, fileBytes: number): void {
  const byOffset = [...tensors].sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const tensor of byOffset) {
    if (tensor.offset % alignment !== 0)
      throw corrupt(path, `tensor "${tensor.name}": wanted an offset aligned to ${alignment}, got ${tensor.offset}`);
    if (tensor.offset < end)
      throw corrupt(path, `tensor "${tensor.name}" starts at byte ${tensor.offset}, inside the tensor before it, which ends at ${end}`);
    end = tensor.offset + tensor.bytes;
    if (end > fileBytes) {
      const got = Math.max(0, fileBytes - tensor.offset);
      throw corrupt(
        path,
        `tensor "${tensor.name}": wanted ${tensor.bytes} bytes at byte ${tensor.offset}, got ${got}: the file ends at ${fileBytes}`,
      );
    }
  }
}

function corrupt(path: string, problem: string, cause?: unknown): SemanticError {
  return new SemanticError('ModelFileCorrupt', `[gguf.read] ${path}: ${problem}`, {
    hint: 'Fetch the file again: it is damaged or was not downloaded to its end.',
    cause,
  });
}
