import { fstat } from 'node:fs';
import { promisify } from 'node:util';

import { SemanticError } from '../../core/domain/errors.js';
import type { ExtentWriter, NewKvImage } from '../../core/ports.js';
import { blockRecord, extentRecord, type BlockEntry, type ExtentEntry, type ImageEntry } from './catalogue.js';
import { extentFile } from './directory.js';
import { checksumTrailer, type ExtentLayout } from './extent-header.js';
import { closeFile, removeFile, syncData, syncDirectory, writeAll } from './file-io.js';
import { imageSeed } from './image-seed.js';
import { planOwnership } from './ownership.js';
import type { StoreRecord } from './records.js';
import { dayRecord, DAY_ROW, type StoreCore } from './store-core.js';
import { persistenceError } from './store-errors.js';

const WHAT = 'commit';

/** What a commit enters into the index along with the images. */
export interface AlsoStored {
  readonly puts: ReadonlyMap<number, StoreRecord>;
  apply(): void;
}

export class StoredExtentWriter implements ExtentWriter {
  readonly places: readonly { readonly offset: number; readonly seed: bigint }[];
  #state: 'open' | 'committing' | 'over' = 'open';

  constructor(
    private readonly core: StoreCore,
    readonly id: string,
    readonly fd: number,
    private readonly images: readonly NewKvImage[],
    private readonly fingerprint: string,
    private readonly layout: ExtentLayout,
  ) {
    this.places = images.map(({ block, kind }, i) => ({
      offset: layout.places[i]!,
      seed: imageSeed(block.hash, kind, block.tokens.length),
    }));
    core.governor.reservedBytes += layout.fileBytes;
    core.writing.set(id, () => this.abandon());
  }

  get hashes(): readonly string[] {
    return this.images.map(({ block }) => block.hash);
  }

  commit(checksums: ArrayLike<bigint>, owner: string | null): Promise<void> {
    return commitExtents(this.core, [{ writer: this, checksums: Array.from(checksums) }], owner);
  }

  async abandon(): Promise<void> {
    if (this.#state !== 'open') return;
    const { size } = await promisify(fstat)(this.fd).catch(() => ({ size: 0 }));
    this.core.governor.count(Math.min(size, this.layout.fileBytes));
    await this.#end();
    await removeFile(extentFile(this.core.paths, this.id)).catch(() => undefined); // the next start sweeps it
  }

  /** It can be committed once, and then not abandoned any more. */
  claim(checksums: readonly bigint[]): void {
    if (this.#state !== 'open') throw persistenceError(WHAT, 'the extent was committed or abandoned before');
    if (checksums.length !== this.images.length)
      throw new RangeError(`[kv_store.${WHAT}] wanted ${this.images.length} checksums, got ${checksums.length}`);
    this.#state = 'committing';
  }

  /** Everything on disk, nothing of it in the index. */
  async seal(checksums: readonly bigint[]): Promise<void> {
    try {
      await writeAll(this.fd, checksumTrailer(checksums), this.layout.checksumsAt);
      await syncData(this.fd);
      await syncDirectory(this.core.paths.extents);
    } finally {
      this.core.governor.count(this.layout.fileBytes);
    }
  }

  /** What the index shall know, given what it knows now: images that came in by another extent meanwhile stay where they are. */
  entries(checksums: readonly bigint[]): { readonly extent: ExtentEntry; readonly blocks: Map<string, NewBlock> } {
    const { core, images, layout, fingerprint } = this;
    const extent: ExtentEntry = {
      row: core.newRow(),
      id: this.id,
      fingerprint,
      fileBytes: layout.fileBytes,
      imageBytes: images.reduce((sum, { bytes }) => sum + bytes, 0),
      liveBytes: 0,
    };
    const blocks = new Map<string, NewBlock>();
    for (const [i, { block, kind, bytes }] of images.entries()) {
      const known = core.catalogue.blocks.get(block.hash);
      if (known?.images.has(kind)) continue;
      let entry = blocks.get(block.hash);
      if (entry === undefined) {
        const { hash, parent, index, tokens } = known ?? block;
        const row = known?.row ?? core.newRow();
        entry = { row, hash, parent, index, tokens: tokens.slice(), fingerprint, images: new Map(known?.images) };
        blocks.set(hash, entry);
      }
      entry.images.set(kind, { kind, extent, offset: layout.places[i]!, bytes, checksum: checksums[i]! });
    }
    return { extent, blocks };
  }

  /** After a commit that worked, or did not. */
  async finish(isStored: boolean): Promise<void> {
    await this.#end();
    if (!isStored) await removeFile(extentFile(this.core.paths, this.id)).catch(() => undefined); // the next start sweeps it
  }

  async #end(): Promise<void> {
    this.#state = 'over';
    this.core.governor.reservedBytes -= this.layout.fileBytes;
    this.core.writing.delete(this.id);
    await closeFile(this.fd);
  }
}

type NewBlock = Omit<BlockEntry, 'owners' | 'used' | 'images'> & { readonly images: Map<number, ImageEntry> };

/** Syncs the data, then enters all images into the index in one transaction: after any stop all of them count, or none. */
export async function commitExtents(
  core: StoreCore,
  written: readonly { readonly writer: StoredExtentWriter; readonly checksums: readonly bigint[] }[],
  owner: string | null,
  also: (() => AlsoStored) | null = null,
): Promise<void> {
  const stored = new Set<StoredExtentWriter>();
  for (const { writer, checksums } of written) writer.claim(checksums);
  try {
    core.assertWritable(WHAT);
    for (const { writer, checksums } of written) await writer.seal(checksums);
    await core.turnstile.enter(async () => {
      const puts = new Map<number, StoreRecord>();
      const extents: ExtentEntry[] = [];
      const blocks = new Map<string, NewBlock>();
      for (const { writer, checksums } of written) {
        const entries = writer.entries(checksums);
        for (const [hash, block] of entries.blocks) {
          const other = blocks.get(hash);
          if (other === undefined) blocks.set(hash, block);
          else for (const [kind, image] of block.images) other.images.set(kind, image);
        }
        if (entries.blocks.size === 0) continue; // all of it came in by another extent meanwhile
        puts.set(entries.extent.row, extentRecord(entries.extent));
        extents.push(entries.extent);
        stored.add(writer);
      }
      for (const block of blocks.values()) puts.set(block.row, blockRecord(block));
      const all = written.flatMap(({ writer }) => writer.hashes);
      const ownership = owner === null ? null : planOwnership(core, owner, all);
      const more = also?.() ?? null;
      for (const [row, record] of [...(ownership?.puts ?? []), ...(more?.puts ?? [])]) puts.set(row, record);
      puts.set(DAY_ROW, dayRecord(core.governor.day));
      try {
        await core.transact(WHAT, puts, ownership?.deletes ?? []);
      } catch (error) {
        stored.clear();
        throw error;
      }
      for (const extent of extents) core.catalogue.addExtent(extent);
      for (const block of blocks.values()) core.catalogue.putBlock(block);
      ownership?.apply();
      more?.apply();
    });
  } catch (error) {
    throw error instanceof SemanticError ? error : core.refused(WHAT, error);
  } finally {
    for (const { writer } of written) await writer.finish(stored.has(writer));
  }
}
