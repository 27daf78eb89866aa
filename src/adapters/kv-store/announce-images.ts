import type { KvImageKey } from '../../core/domain/kv-block.js';
import { COPY_BYTES, readInto } from './file-io.js';
import { openImages } from './open-images.js';
import type { StoreCore } from './store-core.js';

/** Reads at once: a disk answers two sooner than one after the other, and the pool of threads has other work too. */
const LANES = 2;

/**
 * Has the system read images into its page cache, so that the disk is at work while nobody can say yet how much of them is wanted. What cannot be
 * read is left to who reads in earnest.
 */
export async function announceImages(core: StoreCore, keys: readonly KvImageKey[]): Promise<void> {
  const opened = await openImages(core, keys).catch(() => null);
  if (opened === null) return;
  const left = opened.images.values();
  const lane = async (): Promise<void> => {
    const scratch = new Uint8Array(COPY_BYTES);
    for (const { fd, offset, bytes } of left) {
      for (let done = 0; done < bytes; done += COPY_BYTES) {
        await readInto(fd, scratch, Math.min(COPY_BYTES, bytes - done), offset + done);
      }
    }
  };
  await Promise.allSettled(Array.from({ length: LANES }, lane));
  await opened.close();
}
