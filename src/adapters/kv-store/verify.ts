import type { VerifyReport } from '../../core/ports.js';
import type { BlockEntry, ImageEntry } from './catalogue.js';
import { imageSeed } from './image-seed.js';
import { quarantineImage } from './quarantine.js';
import type { StoreCore } from './store-core.js';
import { describe } from './store-errors.js';

/** Reads every image; what is damaged is reported and put aside. */
export async function verifyStore(core: StoreCore, onProgress?: (done: number, total: number) => void): Promise<VerifyReport> {
  const all = [...core.catalogue.blocks.values()].flatMap((block) => [...block.images.keys()].map((kind) => ({ hash: block.hash, kind })));
  const damaged: { hash: string; kind: number; extent: string; reason: string }[] = [];
  const blocks = new Set<string>();
  let [images, bytes] = [0, 0];
  for (const [done, key] of all.entries()) {
    const verdict = await verifyImage(core, key.hash, key.kind);
    onProgress?.(done + 1, all.length);
    if (verdict === null) continue; // it went while others were read
    blocks.add(key.hash);
    images++;
    bytes += verdict.image.bytes;
    if (verdict.reason === null) continue;
    damaged.push({ ...key, extent: verdict.image.extent.id, reason: verdict.reason });
    await core.turnstile.enter(() => quarantineImage(core, key, verdict.reason!));
  }
  return { blocks: blocks.size, images, bytes, damaged };
}

async function verifyImage(core: StoreCore, hash: string, kind: number): Promise<{ image: ImageEntry; reason: string | null } | null> {
  for (let attempt = 0; ; attempt++) {
    const block = core.catalogue.blocks.get(hash);
    const image = block?.images.get(kind);
    if (block === undefined || image === undefined) return null;
    const reason = await damageOf(core, block, image);
    const isMoved = core.catalogue.blocks.get(hash)?.images.get(kind) !== image;
    if (reason === null || !isMoved || attempt > 3) return { image, reason };
  }
}

/** Why an image is not what was written; null where it is. */
export async function damageOf(core: StoreCore, block: BlockEntry, image: ImageEntry): Promise<string | null> {
  try {
    const reader = await core.readers.hold(image.extent.id);
    try {
      if (image.offset + image.bytes > reader.fileBytes)
        return `its file has ${reader.fileBytes} bytes, it ends at ${image.offset + image.bytes}`;
      const seed = imageSeed(block.hash, image.kind, block.tokens.length);
      const checksum = await core.options.checksumFile(reader.fd, image.offset, image.bytes, seed);
      return checksum === image.checksum ? null : `wanted checksum ${hex(image.checksum)}, got ${hex(checksum)}`;
    } finally {
      await reader.release();
    }
  } catch (error) {
    return `it cannot be read: ${describe(error)}`;
  }
}

const hex = (checksum: bigint): string => checksum.toString(16).padStart(16, '0');
