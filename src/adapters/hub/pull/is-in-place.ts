import { SemanticError } from '../../../core/domain/errors.js';
import { installedModel, modelFolder } from '../locate-model.js';
import { readOrigin } from '../origin-file.js';
import { verifyModel } from '../verify-model.js';
import type { Pulled, PullOptions } from './pull-result.js';

/**
 * The model of this name where it came from the same source and is whole; null where there is none, or it has to be made again.
 * Throws ModelConflict where the name is another model's.
 */
export async function inPlace(id: string, source: string, options: PullOptions): Promise<Pulled | null> {
  const found = installedModel(id, options.models);
  if (found === null) return null;
  const origin = readOrigin(modelFolder(found));
  if (origin?.source !== source) {
    throw new SemanticError('ModelConflict', `[pull] ${id} is installed already, from ${origin?.source ?? 'another source'}`, {
      hint: `Choose another --name, or remove it first: semantic models rm ${id}`,
      param: 'name',
    });
  }
  const { files } = await verifyModel(found, (done, total) => options.onProgress({ phase: 'verify', done, total }));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const isWhole = files.every(({ state }) => state === 'whole' || state === 'unrecorded');
  return isWhole ? { name: id, path: found.path, bytes, source, fetched: false } : null;
}
