/** What the store holds, in memory: blocks, who uses them, where their images lie. It changes only after the index has. */
import type { AgentContext } from '../../core/domain/agent.js';
import type { BlockHash } from '../../core/domain/block-hash.js';
import type { KvBlock } from '../../core/domain/kv-block.js';
import type { StoredBlock } from '../../core/ports.js';
import type { ImageRecord, StoreRecord } from './records.js';

export interface ExtentEntry {
  readonly row: number;
  readonly id: string;
  readonly fingerprint: string;
  readonly fileBytes: number;
  readonly imageBytes: number;
  /** Of images that are still there. */
  liveBytes: number;
}

export interface ImageEntry {
  readonly kind: number;
  readonly extent: ExtentEntry;
  readonly offset: number;
  readonly bytes: number;
  readonly checksum: bigint;
}

export interface BlockEntry extends KvBlock {
  readonly row: number;
  readonly fingerprint: string;
  readonly images: ReadonlyMap<number, ImageEntry>;
  readonly owners: Set<string>;
  /** When it was used last, in counts of uses: clocks jump. */
  used: number;
}

export interface OwnerEntry {
  readonly blocks: Set<BlockEntry>;
  /** Rows that say so. */
  rows: number[];
  /** Row of its pin; null where it is not pinned. */
  pin: number | null;
}

export class Catalogue {
  readonly blocks = new Map<BlockHash, BlockEntry>();
  readonly extents = new Map<string, ExtentEntry>();
  readonly owners = new Map<string, OwnerEntry>();
  readonly agents = new Map<string, { readonly row: number; readonly agent: AgentContext }>();
  readonly #children = new Map<BlockHash, Set<BlockEntry>>();
  #uses = 0;
  #imageCount = 0;
  #imageBytes = 0;
  #ownedBytes = 0;
  #fileBytes = 0;

  get imageCount(): number {
    return this.#imageCount;
  }

  get imageBytes(): number {
    return this.#imageBytes;
  }

  /** What it would be if every owner had its own. */
  get ownedBytes(): number {
    return this.#ownedBytes;
  }

  /** Of all extents. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  get deadBytes(): number {
    let dead = 0;
    for (const { imageBytes, liveBytes } of this.extents.values()) dead += imageBytes - liveBytes;
    return dead;
  }

  childrenOf(parent: BlockHash): readonly BlockEntry[] {
    return [...(this.#children.get(parent) ?? [])];
  }

  isLeaf(block: BlockEntry): boolean {
    return !this.#children.has(block.hash);
  }

  owner(name: string): OwnerEntry {
    let owner = this.owners.get(name);
    if (owner === undefined) this.owners.set(name, (owner = { blocks: new Set(), rows: [], pin: null }));
    return owner;
  }

  isPinned(block: BlockEntry): boolean {
    for (const owner of block.owners) if ((this.owners.get(owner)?.pin ?? null) !== null) return true;
    return false;
  }

  addExtent(extent: ExtentEntry): void {
    this.extents.set(extent.id, extent);
    this.#fileBytes += extent.fileBytes;
  }

  dropExtent(extent: ExtentEntry): void {
    if (this.extents.delete(extent.id)) this.#fileBytes -= extent.fileBytes;
  }

  /** A block of this hash that is there already gives way; its owners and its place in the order of use stay. */
  putBlock(block: Omit<BlockEntry, 'owners' | 'used'>): BlockEntry {
    const before = this.blocks.get(block.hash);
    const entry: BlockEntry = { ...block, owners: before?.owners ?? new Set(), used: before?.used ?? ++this.#uses };
    if (before !== undefined) this.#remove(before);
    this.blocks.set(entry.hash, entry);
    let siblings = this.#children.get(entry.parent);
    if (siblings === undefined) this.#children.set(entry.parent, (siblings = new Set()));
    siblings.add(entry);
    for (const owner of entry.owners) this.owner(owner).blocks.add(entry);
    this.#count(entry, 1);
    return entry;
  }

  dropBlock(block: BlockEntry): void {
    this.#remove(block);
    block.owners.clear();
  }

  own(name: string, block: BlockEntry): void {
    if (block.owners.has(name)) return;
    this.#count(block, -1);
    block.owners.add(name);
    this.owner(name).blocks.add(block);
    this.#count(block, 1);
  }

  /** Takes an owner's name off its blocks; they stay. */
  dropOwner(name: string): void {
    for (const block of this.owners.get(name)?.blocks ?? []) {
      this.#count(block, -1);
      block.owners.delete(name);
      this.#count(block, 1);
    }
    this.owners.delete(name);
  }

  touch(block: BlockEntry): void {
    block.used = ++this.#uses;
  }

  #remove(block: BlockEntry): void {
    this.#count(block, -1);
    this.blocks.delete(block.hash);
    const siblings = this.#children.get(block.parent);
    siblings?.delete(block);
    if (siblings?.size === 0) this.#children.delete(block.parent);
    for (const owner of block.owners) this.owners.get(owner)?.blocks.delete(block);
  }

  #count(block: BlockEntry, sign: 1 | -1): void {
    for (const { bytes, extent } of block.images.values()) {
      this.#imageCount += sign;
      this.#imageBytes += sign * bytes;
      this.#ownedBytes += sign * bytes * Math.max(1, block.owners.size);
      extent.liveBytes += sign * bytes;
    }
  }
}

export function storedBlock({ hash, parent, index, tokens, fingerprint, images }: BlockEntry): StoredBlock {
  return { hash, parent, index, tokens, fingerprint, kinds: [...images.keys()].sort((a, b) => a - b) };
}

export function blockBytes({ images }: BlockEntry): number {
  let bytes = 0;
  for (const image of images.values()) bytes += image.bytes;
  return bytes;
}

type BlockFields = Pick<BlockEntry, 'hash' | 'parent' | 'index' | 'tokens' | 'fingerprint' | 'images'>;

export function blockRecord({ hash, parent, index, tokens, fingerprint, images }: BlockFields): StoreRecord {
  return { type: 'block', hash, parent, index, tokens, fingerprint, images: [...images.values()].map(imageRecord) };
}

function imageRecord({ kind, extent, offset, bytes, checksum }: ImageEntry): ImageRecord {
  return { kind, extent: extent.id, offset, bytes, checksum: checksum.toString() };
}

export function extentRecord({ id, fingerprint, fileBytes, imageBytes }: ExtentEntry): StoreRecord {
  return { type: 'extent', id, fingerprint, fileBytes, imageBytes };
}
