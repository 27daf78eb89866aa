/** Reads, packs and writes tensor by tensor, some rows at a time: memory does not depend on the model. */
import { assertWanted } from '../../files/assert-wanted.js';
import { decodeFloats, ELEMENT_BYTES, encodeFloats } from './float-formats.js';
import type { Quantization, SourceTensor } from './conversion.js';
import { quantizeAffine } from './quantize-affine.js';
import { type NewTensor, writeSafetensors } from './safetensors-writer.js';

/** Elements that are worked on at once. */
const PIECE_ELEMENTS = 1 << 20;

interface Planned {
  readonly source: SourceTensor;
  /** Null where it stays as it is. */
  readonly packing: Quantization | null;
  readonly outputs: readonly NewTensor[];
}

export function planTensors(tensors: readonly SourceTensor[], quantization: Quantization | null): Planned[] {
  return tensors.map((source) => {
    const width = source.shape.at(-1)!;
    const fits = quantization !== null && source.isLinear && width % quantization.groupSize === 0;
    const packing = fits ? quantization : null;
    return { source, packing, outputs: packing === null ? [plainOutput(source)] : packedOutputs(source, packing) };
  });
}

export function bytesOf(plan: readonly Planned[]): number {
  return plan.flatMap(({ outputs }) => outputs).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** `onProgress`: elements. */
export async function writeTensors(
  path: string,
  plan: readonly Planned[],
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const total = plan.reduce((sum, { source }) => sum + elementsOf(source.shape), 0);
  const outputs = plan.flatMap((planned) => planned.outputs).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const writer = await writeSafetensors(path, outputs);
  try {
    let done = 0;
    for (const { source, packing, outputs: own } of plan) {
      const width = source.shape.at(-1)!;
      const rows = elementsOf(source.shape) / width;
      const step = Math.max(1, Math.floor(PIECE_ELEMENTS / width));
      for (let row = 0; row < rows; row += step) {
        assertWanted(signal);
        const values = await source.read(row, Math.min(step, rows - row));
        const parts = packing === null ? [encodeFloats(source.type, values)] : pack(source, values, packing);
        for (const [i, part] of parts.entries()) await writer.append(own[i]!.name, part);
        onProgress((done += values.length), total);
      }
    }
    await writer.close();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Packed from what the values are in the type of the file. */
function pack({ type }: SourceTensor, values: Float32Array, { bits, groupSize }: Quantization): Uint8Array[] {
  const rounded = type === 'F32' ? values : decodeFloats(type, Buffer.from(encodeFloats(type, values).buffer));
  const { words, scales, biases } = quantizeAffine(rounded, bits, groupSize);
  return [new Uint8Array(words.buffer), encodeFloats(type, scales), encodeFloats(type, biases)];
}

function plainOutput({ name, type, shape }: SourceTensor): NewTensor {
  return { name, dtype: type, shape, bytes: elementsOf(shape) * ELEMENT_BYTES[type] };
}

function packedOutputs({ name, type, shape }: SourceTensor, { bits, groupSize }: Quantization): NewTensor[] {
  const stem = name.replace(/\.weight$/, '');
  const [rows, width] = [shape.slice(0, -1), shape.at(-1)!];
  const words = [...rows, (width * bits) / 32];
  const groups = [...rows, width / groupSize];
  const bytes = elementsOf(groups) * ELEMENT_BYTES[type];
  return [
    { name, dtype: 'U32', shape: words, bytes: elementsOf(words) * 4 },
    { name: `${stem}.scales`, dtype: type, shape: groups, bytes },
    { name: `${stem}.biases`, dtype: type, shape: groups, bytes },
  ];
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
