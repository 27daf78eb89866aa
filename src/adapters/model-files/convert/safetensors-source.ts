/** A folder of 16- or 32-bit safetensors as something to convert: names, types and other files stay. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecoderSpec } from '../../../core/domain/decoder-spec.js';
import { SemanticError } from '../../../core/domain/errors.js';
import { buildDecoderSpec } from '../../../core/models/registry.js';
import { readCheckpoint } from '../read-checkpoint.js';
import { locateTensors, type LocatedTensor } from '../read-safetensors.js';
import type { ConversionSource, SourceTensor } from './conversion.js';
import { decodeFloats, ELEMENT_BYTES, type FloatType } from './float-formats.js';
import { OpenRows } from './open-rows.js';

/** What goes with weights, whatever they are in. */
const BESIDE = /^([^/]+\.(json|jinja|txt)|tokenizer\.model)$/;
const REPLACED = /^config\.json$|\.index\.json$/;

export async function openSafetensorsSource(folder: string): Promise<ConversionSource> {
  const checkpoint = await readCheckpoint(folder);
  const { linears, all } = tensorsOf(buildDecoderSpec(checkpoint));
  const rows = new OpenRows();
  const tensors: SourceTensor[] = [];
  for (const file of checkpoint.files) {
    for (const [name, tensor] of await locateTensors(file)) {
      if (all.has(name)) tensors.push(sourceTensor(rows, file, name, tensor, linears.has(name)));
    }
  }
  const names = (await readdir(folder)).filter((name) => BESIDE.test(name) && !REPLACED.test(name));
  const beside = new Map(names.map((name) => [name, { copy: join(folder, name) }]));
  return { tensors, config: checkpoint.config, beside, close: () => rows.close() };
}

function sourceTensor(rows: OpenRows, file: string, name: string, tensor: LocatedTensor, isLinear: boolean): SourceTensor {
  const { dtype, shape, offset } = tensor;
  if (!isFloat(dtype)) {
    throw new SemanticError('ModelUnsupported', `[convert] tensor "${name}" is ${dtype}; wanted F32, F16 or BF16`, {
      hint: 'Weights that are packed already are not packed anew: convert the model they were made from.',
    });
  }
  const rowBytes = (shape.at(-1) ?? 1) * ELEMENT_BYTES[dtype];
  return {
    name,
    shape,
    type: dtype,
    isLinear,
    rowBytes,
    read: async (first, count) => decodeFloats(dtype, await rows.read(file, offset + first * rowBytes, count * rowBytes)),
  };
}

function isFloat(dtype: string): dtype is FloatType {
  return Object.hasOwn(ELEMENT_BYTES, dtype);
}

/** Every tensor that the decoder is made of, and those of its linear layers whose rows are rows of the file. A router stays exact. */
function tensorsOf(spec: DecoderSpec): { readonly linears: ReadonlySet<string>; readonly all: ReadonlySet<string> } {
  const [linears, all] = [new Set<string>(), new Set<string>()];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { name, ops, weight, inFeatures } = value as Record<string, unknown>;
    if (typeof name === 'string' && Array.isArray(ops)) all.add(name);
    const tensor = weight as
      | { readonly name: string; readonly ops: readonly { readonly op: string; readonly axis?: number }[] }
      | undefined;
    if (typeof inFeatures === 'number' && tensor?.ops.every(({ op, axis }) => op === 'slice' && axis === 0) === true)
      linears.add(tensor.name);
    for (const [key, inner] of Object.entries(value)) if (key !== 'inverseFrequencies') visit(inner);
  };
  const routers = new Set<string>();
  for (const { feedForward } of spec.layers) if (feedForward.kind === 'moe') routers.add(feedForward.router.weight.name);
  visit(spec);
  return { linears: new Set([...linears].filter((name) => !routers.has(name))), all };
}
