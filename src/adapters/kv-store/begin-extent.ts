import type { BlockHash } from '../../core/domain/block-hash.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { NewKvImage } from '../../core/ports.js';
import { extentFile, newExtentId } from './directory.js';
import { layOutExtent, type ExtentLayout } from './extent-header.js';
import { StoredExtentWriter } from './extent-writer.js';
import { closeFile, openFile, removeFile, writeAll } from './file-io.js';
import { makeRoom } from './make-room.js';
import type { StoreCore } from './store-core.js';
import { persistenceError } from './store-errors.js';

const WHAT = 'begin';
/** To make room on the file system: evicting takes some itself, in the index. */
const MAX_ATTEMPTS = 3;

/** A new extent, its header written, if governor and disk allow it. */
export async function beginExtent(core: StoreCore, asked: readonly NewKvImage[], fingerprint: string): Promise<StoredExtentWriter> {
  core.assertWritable(WHAT);
  assertImages(asked);
  const images = asked.map((image) => ({ ...image, block: { ...image.block, tokens: image.block.tokens.slice() } })); // theirs may change
  const layout = layOutExtent(images, fingerprint);
  return core.turnstile.enter(async () => {
    core.assertWritable(WHAT); // it may have changed while waiting
    try {
      await admit(core, images, layout.fileBytes);
    } catch (error) {
      throw error instanceof SemanticError ? error : core.refused(WHAT, error);
    }
    return create(core, images, fingerprint, layout);
  });
}

function assertImages(images: readonly NewKvImage[]): void {
  const names = new Set(images.map(({ block, kind }) => `${block.hash}.${kind}`));
  if (images.length === 0 || names.size < images.length || images.some(({ bytes }) => !Number.isInteger(bytes) || bytes <= 0))
    throw new RangeError(`[kv_store.${WHAT}] wanted images of at least one byte, each once, got ${images.length} of ${names.size} names`);
}

/** Throws CachePersistence where the governor forbids it, after what may go was evicted. */
async function admit(core: StoreCore, images: readonly NewKvImage[], bytes: number): Promise<void> {
  const { governor, catalogue, condition, options } = core;
  const { maxBytes } = options.limits;
  const keep = (): Set<BlockHash> => core.ancestorsOf(images.map(({ block }) => block));
  const excess = governor.excess(bytes, catalogue.fileBytes);
  if (excess > 0 && bytes <= maxBytes) await makeRoom(core, excess, keep());
  const left = governor.excess(bytes, catalogue.fileBytes);
  if (left > 0) {
    const used = catalogue.fileBytes + governor.reservedBytes;
    throw persistenceError(WHAT, `wanted ${bytes} bytes of a store of ${maxBytes}, but ${used} are in use and nothing else may go`);
  }
  let refusal = await governor.refusal(bytes);
  for (let attempt = 0; attempt < MAX_ATTEMPTS && refusal?.shortBytes !== undefined; attempt++) {
    await makeRoom(core, refusal.shortBytes, keep());
    refusal = await governor.refusal(bytes);
  }
  if (refusal !== null) {
    condition.suspend('governor', refusal.reason);
    throw persistenceError(WHAT, refusal.reason);
  }
  condition.admit();
}

async function create(
  core: StoreCore,
  images: readonly NewKvImage[],
  fingerprint: string,
  layout: ExtentLayout,
): Promise<StoredExtentWriter> {
  const id = newExtentId();
  const path = extentFile(core.paths, id);
  let fd: number | null = null;
  try {
    fd = await openFile(path, 'wx+');
    await writeAll(fd, layout.header, 0);
  } catch (error) {
    if (fd !== null) await closeFile(fd);
    await removeFile(path).catch(() => undefined); // the next start sweeps it
    throw core.refused(WHAT, error);
  }
  return new StoredExtentWriter(core, id, fd, images, fingerprint, layout);
}
