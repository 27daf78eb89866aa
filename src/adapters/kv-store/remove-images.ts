import { blockRecord, type BlockEntry, type ExtentEntry, type ImageEntry } from './catalogue.js';
import type { StoreRecord } from './records.js';
import type { StoreCore } from './store-core.js';

export interface Removal {
  readonly puts: ReadonlyMap<number, StoreRecord>;
  readonly deletes: readonly number[];
  /** Extents without a living image: they go with their last one. */
  readonly dead: readonly ExtentEntry[];
  /** Images a block keeps; undefined for a block that loses none. */
  keptOf(block: BlockEntry): ReadonlyMap<number, ImageEntry> | undefined;
  /** What is in memory follows: call it once the transaction is through. */
  apply(): void;
}

/** What it takes to remove images; a block without any goes too. */
export function planRemoval(core: StoreCore, removed: ReadonlyMap<BlockEntry, readonly ImageEntry[]>): Removal {
  const puts = new Map<number, StoreRecord>();
  const deletes: number[] = [];
  const left = new Map<ExtentEntry, number>();
  const changed = new Map<BlockEntry, ReadonlyMap<number, ImageEntry>>();
  for (const [block, images] of removed) {
    const kept = new Map([...block.images].filter(([, image]) => !images.includes(image)));
    for (const { extent, bytes } of images) left.set(extent, (left.get(extent) ?? extent.liveBytes) - bytes);
    if (kept.size > 0) puts.set(block.row, blockRecord({ ...block, images: kept }));
    else deletes.push(block.row);
    changed.set(block, kept);
  }
  const dead = [...left].filter(([, bytes]) => bytes === 0).map(([extent]) => extent);
  deletes.push(...dead.map(({ row }) => row));
  const apply = (): void => {
    for (const [block, images] of changed) {
      if (images.size > 0) core.catalogue.putBlock({ ...block, images });
      else core.catalogue.dropBlock(block);
    }
    for (const extent of dead) core.catalogue.dropExtent(extent);
  };
  return { puts, deletes, dead, keptOf: (block) => changed.get(block), apply };
}

/**
 * Removes blocks for good. Where the index cannot be written they are still gone from memory, so nobody is handed what is known to be
 * bad; they are back after a restart, and found out again.
 */
export async function removeImages(core: StoreCore, what: string, isGone: (image: ImageEntry) => boolean): Promise<void> {
  const removed = new Map<BlockEntry, ImageEntry[]>();
  for (const block of core.catalogue.blocks.values()) {
    const images = [...block.images.values()].filter(isGone);
    if (images.length > 0) removed.set(block, images);
  }
  if (removed.size === 0) return;
  const removal = planRemoval(core, removed);
  try {
    await core.writeRemoval(removal.puts, removal.deletes, removal.dead);
  } catch (error) {
    throw core.refused(what, error);
  } finally {
    removal.apply();
  }
  for (const { id } of removal.dead) await core.unlinkExtent(id);
}

/** Evicts whole blocks: the index first, then the files nobody needs any more. */
export async function removeBlocks(core: StoreCore, what: string, blocks: Iterable<BlockEntry>): Promise<void> {
  const removal = planRemoval(core, new Map([...blocks].map((block) => [block, [...block.images.values()]])));
  await core.writeRemoval(removal.puts, removal.deletes, removal.dead).catch((error: unknown) => {
    throw core.refused(what, error);
  });
  removal.apply();
  for (const { id } of removal.dead) await core.unlinkExtent(id);
}
