import type { BlockHash } from '../../core/domain/block-hash.js';
import type { StoreRecord } from './records.js';
import type { StoreCore } from './store-core.js';

/** Rows of one owner from which on they are written as one. */
const MAX_ROWS = 16;

/** All rows that name an owner. */
export function ownerRows({ catalogue }: StoreCore, owner: string): number[] {
  const entry = catalogue.owners.get(owner);
  return entry === undefined ? [] : [...entry.rows, ...(entry.pin === null ? [] : [entry.pin])];
}

export interface OwnershipChange {
  readonly puts: ReadonlyMap<number, StoreRecord>;
  readonly deletes: readonly number[];
  apply(): void;
}

/**
 * `owner` takes these blocks over, those that are entered in the same transaction included: its row must be numbered behind theirs.
 * Null where it has them all.
 */
export function planOwnership(core: StoreCore, owner: string, hashes: readonly BlockHash[]): OwnershipChange | null {
  const { catalogue } = core;
  const known = catalogue.owners.get(owner);
  const added = [...new Set(hashes)].filter((hash) => !catalogue.blocks.get(hash)?.owners.has(owner));
  if (added.length === 0) return null;
  const merge = known !== undefined && known.rows.length >= MAX_ROWS;
  const listed = merge ? [...[...known.blocks].map(({ hash }) => hash), ...added] : added;
  const row = core.newRow();
  return {
    puts: new Map([[row, { type: 'own', owner, hashes: listed }]]),
    deletes: merge ? known.rows : [],
    apply: () => {
      const entry = catalogue.owner(owner);
      entry.rows = merge ? [row] : [...entry.rows, row];
      for (const hash of added) {
        const block = catalogue.blocks.get(hash);
        if (block !== undefined) catalogue.own(owner, block);
      }
    },
  };
}
