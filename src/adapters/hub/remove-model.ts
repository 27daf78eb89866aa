import { randomUUID } from 'node:crypto';
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

/**
 * Of a model that was registered by link only the link goes. A name that is there is whole: the folder is moved aside first. Throws
 * ModelNotFound where somebody else removes it at the same time.
 */
export async function removeModel({ id }: InstalledModel, directory: string): Promise<void> {
  const folder = join(directory, id);
  const aside = join(directory, `.removed-${id}-${randomUUID()}`);
  try {
    if ((await lstat(folder)).isSymbolicLink()) return await unlink(folder);
    await rename(folder, aside);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new SemanticError('ModelNotFound', `[models] ${id} is removed already`, { param: 'model', cause });
  }
  await rm(aside, { recursive: true, force: true });
}
