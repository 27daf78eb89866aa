import { blockRecord, extentRecord, type ExtentEntry, type ImageEntry } from './catalogue.js';
import { extentFile } from './directory.js';
import { readExtent } from './extent-header.js';
import { imageSeed } from './image-seed.js';
import type { StoreRecord } from './records.js';
import type { StoreCore } from './store-core.js';
import { describe } from './store-errors.js';

/**
 * Brings back what the index has lost, from the extents themselves: every image whose bytes have the checksum their extent says, under
 * the seed of their identity. What was evicted and still lies in an extent comes back too, as owned by nobody. Reads these extents in full.
 */
export async function rebuildFromExtents(core: StoreCore, files: ReadonlyMap<string, number>): Promise<Map<number, StoreRecord>> {
  const puts = new Map<number, StoreRecord>();
  for (const [id, fileBytes] of files) {
    try {
      await rebuildExtent(core, id, fileBytes, puts);
    } catch (error) {
      core.options.log('warn', 'kv store: an extent could not be read', { extent: id, error: describe(error) });
    }
  }
  return puts;
}

async function rebuildExtent(core: StoreCore, id: string, fileBytes: number, puts: Map<number, StoreRecord>): Promise<void> {
  const { catalogue } = core;
  const read = await readExtent(extentFile(core.paths, id));
  if (read === null) return;
  const missing = read.images
    .map((image, i) => ({ ...image, i }))
    .filter(({ block, kind }) => !catalogue.blocks.get(block.hash)?.images.has(kind));
  if (missing.length === 0) return;
  const imageBytes = read.images.reduce((sum, { bytes }) => sum + bytes, 0);
  const known = catalogue.extents.get(id);
  const extent: ExtentEntry = known ?? { row: core.newRow(), id, fingerprint: read.fingerprint, fileBytes, imageBytes, liveBytes: 0 };
  const reader = await core.readers.hold(id);
  try {
    for (const { block, kind, bytes, i } of missing) {
      const [offset, checksum] = [read.layout.places[i]!, read.checksums[i]!];
      if (offset + bytes > fileBytes) continue;
      if ((await core.options.checksumFile(reader.fd, offset, bytes, imageSeed(block.hash, kind, block.tokens.length))) !== checksum)
        continue;
      const before = catalogue.blocks.get(block.hash);
      const images = new Map<number, ImageEntry>([...(before?.images ?? []), [kind, { kind, extent, offset, bytes, checksum }]]);
      const entry = catalogue.putBlock({ ...block, row: before?.row ?? core.newRow(), fingerprint: read.fingerprint, images });
      puts.set(entry.row, blockRecord(entry));
    }
  } finally {
    await reader.release();
  }
  if (known !== undefined || extent.liveBytes === 0) return;
  catalogue.addExtent(extent);
  puts.set(extent.row, extentRecord(extent));
}
