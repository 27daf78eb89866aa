import type { KvImageKey } from '../../core/domain/kv-block.js';
import type { OpenKvImage } from '../../core/ports.js';
import { imageSeed } from './image-seed.js';
import { removeImages } from './remove-images.js';
import type { StoreCore } from './store-core.js';
import { corruptionError, describe, isMissing } from './store-errors.js';

/** An image may move to another extent between being looked up and its file being opened. */
const MAX_MOVES = 8;

type Held = { readonly image: OpenKvImage; release(): Promise<void> };

export async function openImages(
  core: StoreCore,
  keys: readonly KvImageKey[],
): Promise<{ readonly images: readonly OpenKvImage[]; close(): Promise<void> }> {
  const held: Held[] = [];
  const close = async (): Promise<void> => {
    for (const image of held) await image.release();
  };
  try {
    for (const key of keys) held.push(await holdImage(core, key));
  } catch (error) {
    await close();
    throw error;
  }
  return { images: held.map(({ image }) => image), close };
}

async function holdImage(core: StoreCore, { hash, kind }: KvImageKey): Promise<Held> {
  for (let moves = 0; ; moves++) {
    const block = core.catalogue.blocks.get(hash);
    const image = block?.images.get(kind);
    if (block === undefined || image === undefined)
      throw corruptionError('read', `wanted image ${hash}.${kind}, but it is not stored any more`);
    const { extent, offset, bytes, checksum } = image;
    const isSame = (): boolean => core.catalogue.blocks.get(hash)?.images.get(kind) === image;
    try {
      const reader = await core.readers.hold(extent.id);
      if (offset + bytes <= reader.fileBytes) {
        const seed = imageSeed(hash, kind, block.tokens.length);
        return { image: { hash, kind, fd: reader.fd, offset, bytes, seed, checksum }, release: () => reader.release() };
      }
      await reader.release();
      await forget(core, extent.id, offset + bytes, `its file has ${reader.fileBytes} bytes`);
      throw corruptionError('read', `wanted bytes ${offset} to ${offset + bytes} of extent ${extent.id}, its file has ${reader.fileBytes}`);
    } catch (error) {
      if (!isMissing(error)) throw wrap(error, extent.id);
      if (!isSame() && moves < MAX_MOVES) continue;
      await forget(core, extent.id, 0, 'its file is gone');
      throw corruptionError('read', `wanted extent ${extent.id}, but its file is gone`, error);
    }
  }
}

function wrap(error: unknown, extent: string): unknown {
  return error instanceof Error && error.name === 'SemanticError'
    ? error
    : corruptionError('read', `extent ${extent} cannot be opened: ${describe(error)}`, error);
}

/** What lies in an extent up to or behind `end` is not found any more. */
async function forget(core: StoreCore, extent: string, end: number, reason: string): Promise<void> {
  core.options.log('warn', 'kv store: stored images are lost and will be prefilled again', { extent, reason });
  await core.turnstile
    .enter(() => removeImages(core, 'repair', (image) => image.extent.id === extent && image.offset + image.bytes >= end))
    .catch(() => undefined); // suspended by now; memory has forgotten them
}
