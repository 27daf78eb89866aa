/** A model folder as Hugging Face and mlx-community publish it: config.json and one or more safetensors files. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint, TensorInfo } from '../../core/domain/checkpoint.js';
import { SemanticError } from '../../core/domain/errors.js';
import { fileMissing } from './file-errors.js';
import { readSafetensors } from './read-safetensors.js';

const CONFIG = 'config.json';
const INDEX = 'model.safetensors.index.json';
/** What mlx-lm loads; leaves out adapters and the consolidated copies that some repositories carry beside it. */
const WEIGHTS = /^model.*\.safetensors$/;
const SPLIT = /-(\d{5})-of-(\d{5})\.safetensors$/;

/** Throws ModelFileMissing, ModelFileCorrupt or ModelUnsupported. */
export async function readSafetensorsFolder(folder: string): Promise<Checkpoint> {
  const config = await readJson(join(folder, CONFIG));
  const names = await readdir(folder);
  const index = names.includes(INDEX) ? await readIndex(join(folder, INDEX)) : null;
  const shards = index === null ? findShards(folder, names) : [...new Set(index.values())].sort();
  const tensors = new Map<string, TensorInfo>();
  const foundIn = new Map<string, string>();
  for (const shard of shards) {
    for (const [name, info] of await readSafetensors(join(folder, shard))) {
      if (foundIn.has(name)) throw corrupt(join(folder, shard), `tensor "${name}" is also in ${foundIn.get(name)}`);
      foundIn.set(name, shard);
      tensors.set(name, info);
    }
  }
  if (index !== null) checkIndex(folder, index, foundIn);
  return { format: 'safetensors', config, tensors, files: shards.map((shard) => join(folder, shard)) };
}

/** Without an index the shards' own numbering has to be complete. */
function findShards(folder: string, names: readonly string[]): string[] {
  const shards = names.filter((name) => WEIGHTS.test(name)).sort();
  if (shards.length === 0) {
    throw new SemanticError(
      'ModelFileMissing',
      `[model_files.read] wanted model*.safetensors in ${folder}, got none (${names.length} other files)`,
      {
        hint: 'Fetch the model again, or name the folder that holds its weights.',
      },
    );
  }
  for (const shard of shards) {
    const total = Number(SPLIT.exec(shard)?.[2] ?? 0);
    const present = shards.filter((name) => name.endsWith(`-of-${String(total).padStart(5, '0')}.safetensors`)).length;
    if (total > 0 && present !== total) {
      throw new SemanticError('ModelFileMissing', `[model_files.read] wanted ${total} shards like ${shard} in ${folder}, got ${present}`);
    }
  }
  return shards;
}

/** Tensor name -> shard. */
async function readIndex(path: string): Promise<Map<string, string>> {
  const map = (await readJson(path))['weight_map'];
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw corrupt(path, 'wanted an object "weight_map"');
  const entries = Object.entries(map as Record<string, unknown>);
  for (const [name, shard] of entries) {
    if (typeof shard !== 'string' || !/^[^/\\]+\.safetensors$/.test(shard))
      throw corrupt(path, `wanted a file in this folder for "${name}", got ${JSON.stringify(shard)}`);
  }
  if (entries.length === 0) throw corrupt(path, 'wanted tensors in "weight_map", got none');
  return new Map(entries as [string, string][]);
}

function checkIndex(folder: string, index: ReadonlyMap<string, string>, foundIn: ReadonlyMap<string, string>): void {
  for (const [name, shard] of index) {
    if (foundIn.get(name) !== shard)
      throw corrupt(join(folder, INDEX), `wanted tensor "${name}" in ${shard}, got ${foundIn.get(name) ?? 'it nowhere'}`);
  }
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw corrupt(path, `wanted JSON, got ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw corrupt(path, 'wanted a JSON object');
  return json as Record<string, unknown>;
}

function corrupt(path: string, problem: string, cause?: unknown): SemanticError {
  return new SemanticError('ModelFileCorrupt', `[model_files.read] ${path}: ${problem}`, { hint: 'Fetch the model again.', cause });
}
