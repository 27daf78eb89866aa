import { lstat, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import type { InstalledModel } from './locate-model.js';

/** Throws ModelConflict where `resident` has it. */
export function assertNotResident(model: InstalledModel, resident: readonly string[]): void {
  if (!resident.includes(model.id)) return;
  throw new SemanticError('ModelConflict', `[models] ${model.id} is in the memory of a daemon, which reads its files`, {
    hint: 'Exchange it for another model or stop the daemon first.',
    param: 'model',
  });
}

/** Of a model that was registered by link only the link goes. A name that is there is whole: the folder is moved aside first. */
export async function removeModel({ id }: InstalledModel, directory: string): Promise<void> {
  const folder = join(directory, id);
  if ((await lstat(folder)).isSymbolicLink()) return unlink(folder);
  const aside = join(directory, `.removed-${id}-${process.pid}`);
  await rename(folder, aside);
  await rm(aside, { recursive: true, force: true });
}
