import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import type { CheckpointReader } from '../../core/ports.js';
import { fileMissing } from './file-errors.js';
import { ggufCheckpoint } from './gguf-checkpoint.js';
import { readGguf } from './read-gguf.js';
import { readSafetensorsFolder } from './safetensors-checkpoint.js';

/** A GGUF file, or a folder with config.json and safetensors. Throws ModelFileMissing, ModelFileCorrupt or ModelUnsupported. */
export const readCheckpoint: CheckpointReader['read'] = async (path) => {
  const absolute = resolve(path);
  const info = await stat(absolute).catch((cause: unknown) => {
    throw fileMissing(absolute, cause);
  });
  if (info.isDirectory()) return readSafetensorsFolder(absolute);
  if (absolute.endsWith('.safetensors')) {
    throw new SemanticError('ModelUnsupported', `[model_files.read] wanted a model folder or a .gguf file, got ${absolute}`, {
      hint: 'Name the folder that holds config.json and the safetensors files.',
    });
  }
  return ggufCheckpoint(await readGguf(absolute));
};
