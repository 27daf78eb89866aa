/** Copies of images that failed their checksum, for inquiry; a bounded number of bytes, the oldest go first. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { KvBlock, KvImageKey } from '../../core/domain/kv-block.js';
import type { ImageEntry } from './catalogue.js';
import { closeFile, copyRange, openFile, readAll, removeFile, writeAll } from './file-io.js';
import { headerLength, headerMetadata, layOutSafetensors } from './safetensors-layout.js';
import { removeImages } from './remove-images.js';
import type { StoreCore } from './store-core.js';
import { describe } from './store-errors.js';

const SUFFIX = '.damaged';

/** Removes an image from what is found; a copy is kept where the disk allows it. Runs inside the turnstile. */
export async function quarantineImage(core: StoreCore, key: KvImageKey, reason: string): Promise<void> {
  const block = core.catalogue.blocks.get(key.hash);
  const image = block?.images.get(key.kind);
  if (block === undefined || image === undefined) return;
  await keepCopy(core, block, image, reason);
  await removeImages(core, 'quarantine', (other) => other === image);
}

export async function keepCopy(core: StoreCore, block: KvBlock, image: ImageEntry, reason: string): Promise<void> {
  const { paths, options, catalogue } = core;
  const fields = { block: block.hash, kind: image.kind, extent: image.extent.id, offset: image.offset, bytes: image.bytes, reason };
  options.log('warn', 'kv store: a stored image is damaged; it is put aside and will be prefilled again', fields);
  if (image.bytes > options.quarantineBytes) return;
  const owners = [...(catalogue.blocks.get(block.hash)?.owners ?? [])];
  const at = options.clock.now();
  const { header, offsets } = layOutSafetensors({ ...texts(fields), owners: JSON.stringify(owners), at: new Date(at).toISOString() }, [
    { name: `${block.hash}.${image.kind}`, dtype: 'U8', bytes: image.bytes },
  ]);
  const file = join(paths.quarantine, `${at}-${block.hash.slice(0, 16)}-${image.kind}${SUFFIX}`);
  try {
    await trim(core, options.quarantineBytes - image.bytes);
    const fd = await openFile(file, 'w');
    try {
      await writeAll(fd, header, 0);
      const from = await core.readers.hold(image.extent.id);
      try {
        await copyRange(from.fd, image.offset, fd, offsets[0]!, image.bytes);
      } finally {
        await from.release();
      }
    } finally {
      await closeFile(fd);
    }
  } catch (error) {
    options.log('warn', 'kv store: no whole copy of a damaged image could be kept', { file, error: describe(error) });
  }
  core.quarantined = (await listQuarantine(core)).length;
}

/** Deletes copies of what `owner` used; only its own copies name it. */
export async function dropQuarantineOf(core: StoreCore, owner: string): Promise<void> {
  for (const { path } of await listQuarantine(core)) {
    const owners = await ownersOf(path);
    if (owners === null || owners.includes(owner)) await removeFile(path);
  }
  core.quarantined = (await listQuarantine(core)).length;
}

export async function listQuarantine({ paths }: StoreCore): Promise<{ readonly path: string; readonly bytes: number }[]> {
  const files = (await readdir(paths.quarantine).catch(() => [])).filter((file) => file.endsWith(SUFFIX)).sort(byTime);
  const found: { path: string; bytes: number }[] = [];
  for (const file of files) {
    const path = join(paths.quarantine, file);
    const bytes = await stat(path).then(
      ({ size }) => size,
      () => null,
    );
    if (bytes !== null) found.push({ path, bytes });
  }
  return found;
}

async function trim(core: StoreCore, limit: number): Promise<void> {
  const files = await listQuarantine(core);
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  for (const file of files) {
    if (bytes <= limit) return;
    await removeFile(file.path);
    bytes -= file.bytes;
  }
}

/** Null where the copy does not say. */
async function ownersOf(path: string): Promise<readonly string[] | null> {
  const fd = await openFile(path, 'r');
  try {
    const bytes = headerLength(await readAll(fd, 8, 0));
    const owners = bytes === null ? undefined : headerMetadata(await readAll(fd, bytes, 0))?.['owners'];
    return typeof owners === 'string' ? (JSON.parse(owners) as string[]) : null;
  } catch {
    return null;
  } finally {
    await closeFile(fd);
  }
}

const byTime = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);

function texts(fields: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}
