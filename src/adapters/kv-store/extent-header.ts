/** An extent: one safetensors file of images of one fingerprint. Its header says all it takes to know them again without the index. */
import { hash } from 'node:crypto';

import type { KvBlock } from '../../core/domain/kv-block.js';
import type { NewKvImage } from '../../core/ports.js';
import { closeFile, openFile, readAll } from './file-io.js';
import { headerLength, headerMetadata, layOutSafetensors, type SafetensorsLayout } from './safetensors-layout.js';
import { tokensFromText, tokensToText } from './token-text.js';

export const EXTENT_FORMAT = 'semantic-kv-extent-1';
export const CHECKSUM_BYTES = 8;

interface Manifest {
  readonly blocks: readonly { readonly hash: string; readonly parent: string; readonly index: number; readonly tokens: string }[];
  /** `block` is an index into `blocks`. */
  readonly images: readonly { readonly block: number; readonly kind: number; readonly bytes: number }[];
}

export interface ExtentLayout extends SafetensorsLayout {
  /** One per image. */
  readonly places: readonly number[];
  /** Of the tensor of checksums behind the images: one u64 per image. */
  readonly checksumsAt: number;
}

export function layOutExtent(images: readonly NewKvImage[], fingerprint: string): ExtentLayout {
  const blocks = new Map<string, number>();
  const unique: KvBlock[] = [];
  for (const { block } of images) {
    if (blocks.has(block.hash)) continue;
    blocks.set(block.hash, unique.length);
    unique.push(block);
  }
  const manifest: Manifest = {
    blocks: unique.map(({ hash: own, parent, index, tokens }) => ({ hash: own, parent, index, tokens: tokensToText(tokens) })),
    images: images.map(({ block, kind, bytes }) => ({ block: blocks.get(block.hash)!, kind, bytes })),
  };
  return layOut(JSON.stringify(manifest), fingerprint, images);
}

function layOut(manifest: string, fingerprint: string, images: readonly NewKvImage[]): ExtentLayout {
  const metadata = { format: EXTENT_FORMAT, fingerprint, manifest, digest: hash('sha256', `${fingerprint}\n${manifest}`, 'hex') };
  const layout = layOutSafetensors(metadata, [
    ...images.map(({ block, kind, bytes }) => ({ name: `${block.hash}.${kind}`, dtype: 'U8' as const, bytes })),
    { name: 'checksums', dtype: 'U64', bytes: images.length * CHECKSUM_BYTES },
  ]);
  return { ...layout, places: layout.offsets.slice(0, -1), checksumsAt: layout.offsets.at(-1)! };
}

export interface ReadExtent {
  readonly fingerprint: string;
  readonly images: readonly NewKvImage[];
  readonly layout: ExtentLayout;
  readonly checksums: readonly bigint[];
}

/** What an extent says of itself; null where a bit of the header is wrong or the file is cut. The checksums may still be damaged. */
export async function readExtent(path: string): Promise<ReadExtent | null> {
  const fd = await openFile(path, 'r');
  try {
    const bytes = headerLength(await readAll(fd, 8, 0));
    if (bytes === null) return null;
    const header = await readAll(fd, bytes, 0);
    const parsed = parseExtentHeader(header);
    if (parsed === null) return null;
    const { layout, images } = parsed;
    const trailer = await readAll(fd, images.length * CHECKSUM_BYTES, layout.checksumsAt);
    if (trailer.length < images.length * CHECKSUM_BYTES) return null;
    const view = new DataView(trailer.buffer, trailer.byteOffset);
    return { ...parsed, checksums: images.map((_, i) => view.getBigUint64(i * CHECKSUM_BYTES, true)) };
  } finally {
    await closeFile(fd);
  }
}

function parseExtentHeader(header: Uint8Array): Omit<ReadExtent, 'checksums'> | null {
  const metadata = headerMetadata(header);
  if (metadata === null) return null;
  const { format, fingerprint, manifest } = metadata;
  if (format !== EXTENT_FORMAT || typeof fingerprint !== 'string' || typeof manifest !== 'string') return null;
  try {
    const { blocks, images } = JSON.parse(manifest) as Manifest;
    const known = blocks.map((block): KvBlock => ({ ...block, tokens: tokensFromText(block.tokens) }));
    const read = images.map(({ block, kind, bytes }): NewKvImage => ({ block: known[block]!, kind, bytes }));
    const layout = layOut(manifest, fingerprint, read);
    return Buffer.compare(layout.header, header) === 0 ? { fingerprint, images: read, layout } : null;
  } catch {
    return null; // the manifest is damaged: its digest would not fit either
  }
}

export function checksumTrailer(checksums: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(checksums.length * CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, checksum] of checksums.entries()) view.setBigUint64(i * CHECKSUM_BYTES, checksum, true);
  return bytes;
}
