/** From the rows of the index to what is in memory, held against the extents that are there. */
import { agentOfRecord } from './agent-record.js';
import { Catalogue, type BlockEntry, type ImageEntry } from './catalogue.js';
import type { DayCount } from './governor.js';
import type { StoreRecord } from './records.js';
import { RECENCY_ROW } from './store-core.js';

export interface LoadedCatalogue {
  readonly catalogue: Catalogue;
  readonly day: DayCount | null;
  readonly highestRow: number;
  /** Rows that are of no use any more. */
  readonly staleRows: readonly number[];
  /** Blocks that lost some of their images: their rows say too much. */
  readonly shrunk: readonly BlockEntry[];
  readonly lostImages: number;
}

type RecordOf<T extends StoreRecord['type']> = Extract<StoreRecord, { type: T }>;

/** `files`: bytes of each extent on disk, by its id. */
export function loadCatalogue(records: ReadonlyMap<number, StoreRecord>, files: ReadonlyMap<string, number>): LoadedCatalogue {
  const rows = <T extends StoreRecord['type']>(type: T) =>
    [...records].filter((row): row is [number, RecordOf<T>] => row[1].type === type).sort(([a], [b]) => a - b);
  const catalogue = new Catalogue();
  const stale: number[] = [];
  for (const [row, record] of rows('extent')) {
    if (files.has(record.id) && !catalogue.extents.has(record.id)) catalogue.addExtent({ ...record, row, liveBytes: 0 });
    else stale.push(row);
  }
  const shrunk: BlockEntry[] = [];
  let lostImages = 0;
  for (const [row, record] of rows('block')) {
    const images = new Map<number, ImageEntry>();
    for (const { kind, extent: id, offset, bytes, checksum } of record.images) {
      const extent = catalogue.extents.get(id);
      if (extent === undefined || offset + bytes > files.get(id)!) lostImages++;
      else images.set(kind, { kind, extent, offset, bytes, checksum: BigInt(checksum) });
    }
    if (images.size === 0 || catalogue.blocks.has(record.hash)) {
      stale.push(row);
      continue;
    }
    const { hash, parent, index, tokens, fingerprint } = record;
    const block = catalogue.putBlock({ row, hash, parent, index, tokens, fingerprint, images });
    if (images.size < record.images.length) shrunk.push(block);
  }
  for (const [row, { owner, hashes }] of rows('own')) {
    const owned = hashes.map((hash) => catalogue.blocks.get(hash)).filter((block) => block !== undefined && block.row < row);
    for (const block of owned) catalogue.own(owner, block!);
    if (owned.length > 0) catalogue.owner(owner).rows.push(row);
    else stale.push(row);
  }
  for (const [row, { owner }] of rows('pin')) catalogue.owner(owner).pin = row;
  for (const [row, record] of rows('agent')) {
    const { id } = record.agent;
    const before = catalogue.agents.get(id);
    if (before !== undefined) stale.push(before.row);
    catalogue.agents.set(id, { row, agent: agentOfRecord(record) });
  }
  restoreRecency(catalogue, records);
  const day = rows('day').at(-1)?.[1] ?? null;
  const highestRow = [...records.keys()].reduce((a, b) => Math.max(a, b), 0);
  return { catalogue, day, highestRow, staleRows: stale, shrunk, lostImages };
}

function restoreRecency(catalogue: Catalogue, records: ReadonlyMap<number, StoreRecord>): void {
  const recency = records.get(RECENCY_ROW);
  if (recency?.type !== 'recency') return;
  const byRow = new Map([...catalogue.blocks.values()].map((block) => [block.row, block]));
  const newer: BlockEntry[] = []; // stored since that list was written
  for (const row of recency.blocks) {
    const block = byRow.get(row);
    if (block !== undefined) catalogue.touch(block);
    byRow.delete(row);
  }
  for (const block of byRow.values()) newer.push(block);
  for (const block of newer) catalogue.touch(block);
}
