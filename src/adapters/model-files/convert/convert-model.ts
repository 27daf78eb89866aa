/** `models convert`: a GGUF file or a folder of safetensors becomes a folder as mlx-lm writes it. */
import { copyFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SemanticError } from '../../../core/domain/errors.js';
import { hashContent } from '../../hub/pull/hash-content.js';
import { requireSpace } from '../../hub/pull/require-space.js';
import { keepOnly, openStaging } from '../../hub/pull/staging.js';
import type { Origin } from '../../hub/origin-file.js';
import { fileMissing } from '../file-errors.js';
import type { ConversionSource, Quantization } from './conversion.js';
import { openGgufSource } from './gguf-source.js';
import { openSafetensorsSource } from './safetensors-source.js';
import { bytesOf, planTensors, writeTensors } from './write-tensors.js';

export interface ConvertOptions {
  /** Null = to 16 or 32 bits: those of a folder stay as they are, a GGUF file's become f16. */
  readonly quantization: Quantization | null;
  readonly onProgress: (progress: { readonly phase: string; readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

export interface Converted {
  readonly name: string;
  readonly path: string;
  /** Of the weights. */
  readonly bytes: number;
  /** Matrices that were packed. */
  readonly packed: number;
  /** Tensors that stay in 16 or 32 bits. */
  readonly dense: number;
}

const WEIGHTS = 'model.safetensors';

/** `to` is a folder that is not there yet. All or nothing. Throws ModelUnsupported, ModelFileMissing, ModelConflict, DiskFull. */
export async function convertModel(from: string, to: string, options: ConvertOptions): Promise<Converted> {
  const place = resolve(to);
  if ((await stat(place).catch(() => null)) !== null) {
    throw new SemanticError('ModelConflict', `[convert] ${place} is there already`, { hint: 'Choose another name, or remove it first.' });
  }
  const source = await openSource(resolve(from));
  try {
    return await write(source, resolve(from), place, options);
  } finally {
    await source.close();
  }
}

async function openSource(path: string): Promise<ConversionSource> {
  const found = await stat(path).catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  return found.isDirectory() ? openSafetensorsSource(path) : openGgufSource(path);
}

async function write(source: ConversionSource, from: string, place: string, options: ConvertOptions): Promise<Converted> {
  const { quantization, onProgress, signal } = options;
  const plan = planTensors(source.tensors, quantization);
  const bytes = bytesOf(plan);
  const staging = await openStaging(dirname(place), basename(place));
  const { folder } = staging;
  try {
    await keepOnly(folder, []);
    await requireSpace(folder, bytes, basename(place));
    for (const [name, file] of source.beside) {
      await ('copy' in file ? copyFile(file.copy, join(folder, name)) : writeFile(join(folder, name), file.text));
    }
    await writeFile(join(folder, 'config.json'), `${JSON.stringify(configOf(source.config, quantization), null, 2)}\n`);
    await writeTensors(join(folder, WEIGHTS), plan, (done, total) => onProgress({ phase: 'convert', done, total }), signal);
    const files: Origin['files'] = [];
    for (const path of [...source.beside.keys(), 'config.json', WEIGHTS]) {
      const { size } = await stat(join(folder, path));
      files.push({ path, bytes: size, sha256: (await hashContent(join(folder, path), size)).sha256 });
    }
    const how = quantization === null ? 'dense' : `${quantization.bits}-bit g${quantization.groupSize}`;
    const path = await staging.finish(`convert ${from} ${how}`, files);
    const packed = plan.filter(({ packing }) => packing !== null).length;
    return { name: basename(place), path, bytes, packed, dense: plan.length - packed };
  } catch (error) {
    await staging.discard();
    throw error;
  } finally {
    await staging.release();
  }
}

/** As mlx-lm writes it, under both keys. */
function configOf(config: ConversionSource['config'], quantization: Quantization | null): object {
  if (quantization === null) return config;
  const claim = { group_size: quantization.groupSize, bits: quantization.bits, mode: 'affine' };
  return { ...config, quantization: claim, quantization_config: claim };
}
