/** Header of one safetensors file: 8 bytes of length, JSON, then the data. Checked against the file's size; data stays on disk. */
import { open, type FileHandle } from 'node:fs/promises';
import type { TensorInfo } from '../../core/domain/checkpoint.js';
import { SemanticError } from '../../core/domain/errors.js';
import { fileMissing } from './file-errors.js';

/** Bytes of one element. The four-bit and six-bit types of newer versions are not read by MLX. */
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ['BOOL', 1], ['U8', 1], ['I8', 1], ['F8_E4M3', 1], ['F8_E5M2', 1], ['F8_E8M0', 1],
  ['U16', 2], ['I16', 2], ['F16', 2], ['BF16', 2],
  ['U32', 4], ['I32', 4], ['F32', 4],
  ['U64', 8], ['I64', 8], ['F64', 8],
]); // prettier-ignore
const LENGTH_BYTES = 8;
/** As the reference implementation has it: a longer header is an attack or damage. */
const MAX_HEADER_BYTES = 100_000_000;

export interface LocatedTensor extends TensorInfo {
  /** Byte in the file where its data starts, and how long it is. */
  readonly offset: number;
  readonly bytes: number;
}

/** Throws ModelFileMissing, ModelFileCorrupt, or ModelUnsupported for an element type nobody defined. */
export async function readSafetensors(path: string): Promise<ReadonlyMap<string, TensorInfo>> {
  return new Map([...(await locateTensors(path))].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
}

/** As `readSafetensors`, and where the data lie. */
export async function locateTensors(path: string): Promise<ReadonlyMap<string, LocatedTensor>> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw fileMissing(path, new Error('not a regular file'));
    const header = await readHeader(path, file, stat.size);
    return checkTensors(path, header.json, header.dataStart, stat.size - header.dataStart);
  } finally {
    await file.close();
  }
}

async function readHeader(
  path: string,
  file: FileHandle,
  fileBytes: number,
): Promise<{ json: Record<string, unknown>; dataStart: number }> {
  if (fileBytes < LENGTH_BYTES) throw corrupt(path, `wanted at least ${LENGTH_BYTES} bytes, got ${fileBytes}`);
  const length = Number((await readAt(file, 0, LENGTH_BYTES)).readBigUInt64LE());
  if (length > MAX_HEADER_BYTES) throw corrupt(path, `wanted a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  const dataStart = LENGTH_BYTES + length;
  if (dataStart > fileBytes)
    throw corrupt(path, `wanted a header of ${length} bytes, got ${fileBytes - LENGTH_BYTES}: the file ends in it`);
  const text = (await readAt(file, LENGTH_BYTES, length)).toString('utf8');
  return { json: parseHeader(path, text), dataStart };
}

function parseHeader(path: string, text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw corrupt(path, `wanted a header of JSON, got ${JSON.stringify(text.slice(0, 40))}`, cause);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw corrupt(path, 'wanted a JSON object as header, got something else');
  return json as Record<string, unknown>;
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer;
}

interface Extent extends TensorInfo {
  readonly name: string;
  readonly start: number; // bytes from the start of the data
  readonly end: number;
}

function checkTensors(path: string, header: Record<string, unknown>, dataStart: number, dataBytes: number): Map<string, LocatedTensor> {
  const extents = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => readExtent(path, name, entry));
  let end = 0;
  for (const extent of [...extents].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (extent.start < end)
      throw corrupt(
        path,
        `tensor "${extent.name}" starts at byte ${extent.start} of the data, inside the tensor before it, which ends at ${end}`,
      );
    end = extent.end;
    if (end > dataBytes) {
      const got = Math.max(0, dataBytes - extent.start);
      throw corrupt(
        path,
        `tensor "${extent.name}": wanted ${end - extent.start} bytes at byte ${extent.start} of the data, got ${got}: the file is cut off`,
      );
    }
  }
  return new Map(extents.map((x) => [x.name, { dtype: x.dtype, shape: x.shape, offset: dataStart + x.start, bytes: x.end - x.start }]));
}

function readExtent(path: string, name: string, entry: unknown): Extent {
  const { dtype, shape, data_offsets: offsets } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  if (typeof dtype !== 'string') throw corrupt(path, `tensor "${name}": wanted a dtype, got ${JSON.stringify(dtype) ?? 'nothing'}`);
  const elementBytes = DTYPE_BYTES.get(dtype);
  if (elementBytes === undefined) {
    throw new SemanticError(
      'ModelUnsupported',
      `[safetensors.read] ${path}: tensor "${name}" has dtype ${dtype}; wanted one of ${[...DTYPE_BYTES.keys()].join(', ')}`,
    );
  }
  if (!isSizes(shape)) throw corrupt(path, `tensor "${name}": wanted a shape of whole numbers, got ${JSON.stringify(shape) ?? 'nothing'}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw corrupt(path, `tensor "${name}": wanted two data offsets, got ${JSON.stringify(offsets) ?? 'nothing'}`);
  const [start, end] = offsets as [number, number];
  const wanted = shape.reduce((a, b) => a * b, elementBytes);
  if (end - start !== wanted)
    throw corrupt(path, `tensor "${name}": wanted ${wanted} bytes for ${dtype} [${shape.join(', ')}], got ${end - start}`);
  return { name, dtype, shape, start, end };
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function corrupt(path: string, problem: string, cause?: unknown): SemanticError {
  return new SemanticError('ModelFileCorrupt', `[safetensors.read] ${path}: ${problem}`, {
    hint: 'Fetch the file again: it is damaged or was not downloaded to its end.',
    cause,
  });
}
