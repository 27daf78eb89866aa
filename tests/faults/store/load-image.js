import { digest } from './digests.js';
import { checksumOf, readFully } from './open-store.js';

/**
 * Digest of an image's bytes, which the store hands out and whose checksum fits, as the engine would check; 'refused' for any other: it
 * is put aside, as the engine does.
 * @param {import('../../../src/core/ports.js').KvStore} store
 * @param {import('../../../src/core/domain/kv-block.js').KvImageKey} key
 */
export async function loadImage(store, key) {
  try {
    const opened = await store.openImages([key]);
    try {
      const [image] = opened.images;
      if (image === undefined) return 'refused';
      const bytes = readFully(image.fd, image.offset, image.bytes);
      if (checksumOf(bytes, image.seed) === image.checksum) return digest(bytes);
    } finally {
      await opened.close();
    }
  } catch {
    return 'refused';
  }
  await store.quarantine(key, 'its checksum does not fit').catch(() => undefined); // it is gone from memory all the same
  return 'refused';
}
