import type { AgentContext } from '../../core/domain/agent.js';
import type { KvBlock, KvImageKey } from '../../core/domain/kv-block.js';
import type { OpenKvImage } from '../../core/ports.js';
import { layOutAgent, type ExportedImage } from './agent-manifest.js';
import { COPY_BYTES, readAll } from './file-io.js';
import { openImages } from './open-images.js';
import { quarantineImage } from './quarantine.js';
import type { SafetensorsLayout } from './safetensors-layout.js';
import type { StoreCore } from './store-core.js';
import { corruptionError } from './store-errors.js';

/** All images are checked before the first byte goes out: what is damaged is put aside, and nothing is exported. */
export async function exportAgent(
  core: StoreCore,
  agent: AgentContext,
  keys: readonly KvImageKey[],
): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }> {
  const opened = await openImages(core, keys);
  try {
    for (const image of opened.images) await assertIntact(core, image);
    const blocks = new Map<string, KvBlock>();
    const images = opened.images.map(({ hash, kind, bytes, checksum }): ExportedImage => {
      const block = blocks.get(hash) ?? core.catalogue.blocks.get(hash);
      if (block === undefined) throw corruptionError('export', `wanted block ${hash}, but it is not stored any more`);
      blocks.set(hash, block);
      return { block, kind, bytes, checksum };
    });
    const layout = layOutAgent({ agent, blocks: [...blocks.values()], images });
    return { bytes: layout.fileBytes, chunks: chunks(layout, opened) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function assertIntact(core: StoreCore, { hash, kind, fd, offset, bytes, seed, checksum }: OpenKvImage): Promise<void> {
  if ((await core.options.checksumFile(fd, offset, bytes, seed)) === checksum) return;
  await core.turnstile.enter(() => quarantineImage(core, { hash, kind }, 'its checksum does not fit'));
  throw corruptionError('export', `image ${hash}.${kind} is damaged and was put aside`);
}

async function* chunks(
  { header, offsets, fileBytes }: SafetensorsLayout,
  opened: { readonly images: readonly OpenKvImage[]; close(): Promise<void> },
): AsyncGenerator<Uint8Array> {
  try {
    yield header;
    let at = header.length;
    for (const [i, { hash, fd, offset, bytes }] of opened.images.entries()) {
      if (offsets[i]! > at) yield new Uint8Array(offsets[i]! - at);
      for (let done = 0; done < bytes; done += COPY_BYTES) {
        const part = Math.min(COPY_BYTES, bytes - done);
        const chunk = await readAll(fd, part, offset + done);
        if (chunk.length < part) throw corruptionError('export', `the file of block ${hash} was cut while it was read`);
        yield chunk;
      }
      at = offsets[i]! + bytes;
    }
    if (at < fileBytes) yield new Uint8Array(fileBytes - at);
  } finally {
    await opened.close();
  }
}
