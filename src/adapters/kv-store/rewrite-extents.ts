import type { KvBlock } from '../../core/domain/kv-block.js';
import { blockRecord, extentRecord, type BlockEntry, type ExtentEntry, type ImageEntry } from './catalogue.js';
import { extentFile, newExtentId } from './directory.js';
import { checksumTrailer, layOutExtent } from './extent-header.js';
import { closeFile, copyRange, openFile, removeFile, syncData, syncDirectory, UnreadableError, writeAll } from './file-io.js';
import { imageSeed } from './image-seed.js';
import { keepCopy } from './quarantine.js';
import type { StoreRecord } from './records.js';
import { planRemoval, type Removal } from './remove-images.js';
import { dayRecord, DAY_ROW, type StoreCore } from './store-core.js';
import { describe, errnoOf } from './store-errors.js';

interface LiveImage {
  readonly block: BlockEntry;
  readonly image: ImageEntry;
}

interface Moved extends LiveImage {
  readonly to: ImageEntry;
}

/**
 * Moves what lives in these extents to new ones and deletes them; `removed` goes instead of moving. One transaction swaps all, so a
 * stop leaves either the old extents or the new ones with a row. What fails its checksum on the way is put aside. Runs inside the turnstile.
 */
export async function rewriteExtents(
  core: StoreCore,
  what: string,
  extents: Iterable<ExtentEntry>,
  removed: ReadonlySet<BlockEntry> = new Set(),
  alsoDeleted: readonly number[] = [],
): Promise<void> {
  const old = new Set(extents);
  const written: ExtentEntry[] = [];
  let dead: readonly ExtentEntry[] = [];
  try {
    const { moved, damaged } = await copyAll(core, batches(core, liveImages(core, old, removed)), written);
    const gone = new Map([...removed].map((block) => [block, [...block.images.values()]]));
    for (const { block, image } of damaged) gone.set(block, [...(gone.get(block) ?? []), image]);
    const removal = planRemoval(core, gone);
    await swap(core, { old, written, moved, removal }, alsoDeleted);
    ({ dead } = removal);
  } catch (error) {
    for (const { id } of written) await removeFile(extentFile(core.paths, id)).catch(() => undefined); // the next start sweeps it
    throw core.refused(what, error);
  }
  for (const { id } of new Set([...old, ...dead])) await core.unlinkExtent(id);
}

function liveImages(core: StoreCore, extents: ReadonlySet<ExtentEntry>, removed: ReadonlySet<BlockEntry>): LiveImage[] {
  const found: LiveImage[] = [];
  for (const block of core.catalogue.blocks.values()) {
    if (removed.has(block)) continue;
    for (const image of block.images.values()) if (extents.has(image.extent)) found.push({ block, image });
  }
  return found;
}

/** Of one fingerprint each, and of as many bytes as an extent shall have. */
function batches({ options }: StoreCore, images: readonly LiveImage[]): LiveImage[][] {
  const open = new Map<string, { readonly images: LiveImage[]; bytes: number }>();
  const all: LiveImage[][] = [];
  for (const live of images) {
    const { fingerprint } = live.block;
    let batch = open.get(fingerprint);
    if (batch === undefined || batch.bytes + live.image.bytes > options.extentBytes) {
      open.set(fingerprint, (batch = { images: [], bytes: 0 }));
      all.push(batch.images);
    }
    batch.images.push(live);
    batch.bytes += live.image.bytes;
  }
  return all;
}

async function copyAll(
  core: StoreCore,
  all: readonly LiveImage[][],
  written: ExtentEntry[],
): Promise<{ moved: Moved[]; damaged: LiveImage[] }> {
  const moved: Moved[] = [];
  const damaged: LiveImage[] = [];
  for (const batch of all) {
    const layout = layOutExtent(
      batch.map(({ block, image }) => ({ block, kind: image.kind, bytes: image.bytes })),
      batch[0]!.block.fingerprint,
    );
    const extent: ExtentEntry = {
      row: core.newRow(),
      id: newExtentId(),
      fingerprint: batch[0]!.block.fingerprint,
      fileBytes: layout.fileBytes,
      imageBytes: batch.reduce((sum, { image }) => sum + image.bytes, 0),
      liveBytes: 0,
    };
    written.push(extent);
    const fd = await openFile(extentFile(core.paths, extent.id), 'wx+');
    try {
      await writeAll(fd, layout.header, 0);
      for (const [i, { block, image }] of batch.entries()) {
        const offset = layout.places[i]!;
        if (await copyImage(core, block, image, fd, offset)) moved.push({ block, image, to: { ...image, extent, offset } });
        else damaged.push({ block, image });
      }
      await writeAll(fd, checksumTrailer(batch.map(({ image }) => image.checksum)), layout.checksumsAt);
      await syncData(fd);
    } finally {
      await closeFile(fd);
    }
    core.governor.count(layout.fileBytes);
  }
  if (all.length > 0) await syncDirectory(core.paths.extents);
  return { moved, damaged };
}

/** False where the image is not what was written; a copy of it is kept. */
async function copyImage(core: StoreCore, block: KvBlock, image: ImageEntry, to: number, offset: number): Promise<boolean> {
  const { hash, tokens } = block;
  let reason = 'its checksum does not fit';
  try {
    const from = await core.readers.hold(image.extent.id).catch((cause: unknown) => {
      throw isLost(cause) ? new UnreadableError(describe(cause), { cause }) : cause;
    });
    try {
      await copyRange(from.fd, image.offset, to, offset, image.bytes);
    } finally {
      await from.release();
    }
    if ((await core.options.checksumFile(to, offset, image.bytes, imageSeed(hash, image.kind, tokens.length))) === image.checksum)
      return true;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error; // what the new file is refused says nothing of the old one
    reason = describe(error);
  }
  await keepCopy(core, block, image, reason);
  return false;
}

const isLost = (error: unknown): boolean => ['ENOENT', 'EIO'].includes(errnoOf(error) ?? '');

interface Swap {
  readonly old: ReadonlySet<ExtentEntry>;
  readonly written: readonly ExtentEntry[];
  readonly moved: readonly Moved[];
  readonly removal: Removal;
}

async function swap(core: StoreCore, { old, written, moved, removal }: Swap, alsoDeleted: readonly number[]): Promise<void> {
  const images = new Map<string, Map<number, ImageEntry>>(); // of each block that changes: what it has afterwards
  const gone = new Set(removal.deletes);
  const puts = new Map<number, StoreRecord>([...removal.puts, [DAY_ROW, dayRecord(core.governor.day)]]);
  for (const { block, to } of moved) {
    if (gone.has(block.row)) continue;
    let now = images.get(block.hash);
    if (now === undefined) images.set(block.hash, (now = new Map(removal.keptOf(block) ?? block.images)));
    now.set(to.kind, to);
    puts.set(block.row, blockRecord({ ...block, images: now }));
  }
  for (const extent of written) puts.set(extent.row, extentRecord(extent));
  const deletes = new Set([...removal.deletes, ...[...old].map(({ row }) => row), ...alsoDeleted]);
  await core.writeRemoval(puts, [...deletes], written.length === 0 ? old : []);
  removal.apply();
  for (const extent of written) core.catalogue.addExtent(extent);
  for (const [hash, now] of images) {
    const block = core.catalogue.blocks.get(hash);
    if (block !== undefined) core.catalogue.putBlock({ ...block, images: now });
  }
  for (const extent of old) core.catalogue.dropExtent(extent);
}
