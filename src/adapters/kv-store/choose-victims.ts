import type { BlockHash } from '../../core/domain/block-hash.js';
import { blockBytes, type BlockEntry, type Catalogue } from './catalogue.js';

/**
 * Blocks to evict for at least `bytes`: children before parents, what fewest owners use first, then least recently used. Fewer where
 * the rest is pinned or in `keep`.
 */
export function chooseVictims(catalogue: Catalogue, bytes: number, keep: ReadonlySet<BlockHash>): readonly BlockEntry[] {
  const mayGo = (block: BlockEntry): boolean => !keep.has(block.hash) && !catalogue.isPinned(block);
  const queue = new Heap();
  const children = new Map<BlockHash, number>(); // still there, of blocks that have lost some
  for (const block of catalogue.blocks.values()) if (catalogue.isLeaf(block) && mayGo(block)) queue.push(block);
  const victims: BlockEntry[] = [];
  let freed = 0;
  while (freed < bytes) {
    const block = queue.pop();
    if (block === undefined) break;
    victims.push(block);
    freed += blockBytes(block);
    const parent = catalogue.blocks.get(block.parent);
    if (parent === undefined) continue;
    const left = (children.get(parent.hash) ?? catalogue.childrenOf(parent.hash).length) - 1;
    children.set(parent.hash, left);
    if (left === 0 && mayGo(parent)) queue.push(parent);
  }
  return victims;
}

function isBefore(a: BlockEntry, b: BlockEntry): boolean {
  return a.owners.size === b.owners.size ? a.used < b.used : a.owners.size < b.owners.size;
}

/** Binary heap, the next victim at its top. */
class Heap {
  readonly #items: BlockEntry[] = [];

  push(item: BlockEntry): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): BlockEntry | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
      if (!isBefore(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
