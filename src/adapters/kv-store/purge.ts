import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { blockBytes, type BlockEntry } from './catalogue.js';
import { extentFile, isBrokenIndex } from './directory.js';
import { removeFile, sizeOf, syncDirectory } from './file-io.js';
import { ownerRows } from './ownership.js';
import { dropQuarantineOf } from './quarantine.js';
import { rewriteExtents } from './rewrite-extents.js';
import { RECENCY_ROW, type StoreCore } from './store-core.js';
import { persistenceError } from './store-errors.js';

const WHAT = 'purge';

export function ownedAlone(core: StoreCore, owner: string): BlockEntry[] {
  return [...(core.catalogue.owners.get(owner)?.blocks ?? [])].filter(({ owners }) => owners.size === 1);
}

export function sizeOfBlocks(blocks: readonly BlockEntry[]): { readonly blocks: number; readonly bytes: number } {
  return { blocks: blocks.length, bytes: blocks.reduce((sum, block) => sum + blockBytes(block), 0) };
}

/**
 * Removes what only `owner` uses, and every trace of it: extents that hold or held some are rewritten, and so are those with dead bytes,
 * which may have been its; copies of damaged images and broken indexes go; the index is scrubbed. Runs inside the turnstile.
 */
export async function purge(core: StoreCore, owner: string): Promise<{ readonly blocks: number; readonly bytes: number }> {
  const { catalogue, paths } = core;
  const victims = ownedAlone(core, owner);
  const size = sizeOfBlocks(victims);
  const touched = new Set(victims.flatMap(({ images }) => [...images.values()].map(({ extent }) => extent)));
  for (const extent of catalogue.extents.values()) if (extent.liveBytes < extent.imageBytes) touched.add(extent);
  await rewriteExtents(core, WHAT, touched, new Set(victims), [...ownerRows(core, owner), RECENCY_ROW]);
  catalogue.dropOwner(owner);
  await dropQuarantineOf(core, owner);
  for (const file of await readdir(paths.directory)) if (isBrokenIndex(file)) await removeFile(join(paths.directory, file));
  try {
    await core.index.scrub();
    await syncDirectory(paths.extents);
  } catch (error) {
    throw core.refused(WHAT, error);
  }
  for (const id of core.undeleted) await core.unlinkExtent(id);
  await assertGone(core, victims, new Set([...[...touched].map(({ id }) => id), ...core.undeleted]));
  return size;
}

/** A file that is still there is the disk's refusal: asked again, the purge deletes it. */
async function assertGone(core: StoreCore, victims: readonly BlockEntry[], extents: ReadonlySet<string>): Promise<void> {
  for (const id of extents) {
    if ((await sizeOf(extentFile(core.paths, id))) === null) continue;
    throw core.refused(WHAT, new Error(`wanted extent ${id} to be gone, but its file is still there`));
  }
  const kept = victims.find(({ hash }) => core.catalogue.blocks.has(hash));
  if (kept !== undefined) throw persistenceError(WHAT, `wanted block ${kept.hash} to be gone, but it is still known`);
}
