import type { BlockHash } from '../../core/domain/block-hash.js';
import { chooseVictims } from './choose-victims.js';
import { blockBytes } from './catalogue.js';
import { rewriteExtents } from './rewrite-extents.js';
import { removeBlocks } from './remove-images.js';
import type { StoreCore } from './store-core.js';

/** Of the size cap, freed beyond what is needed: so that not every write has to evict. */
const SLACK_SHARE = 1 / 32;

/**
 * Makes the extents `bytes` smaller, if that can be: evicts, then brings back the room of what is dead. Nothing is evicted where even
 * all that may go would not do. Runs inside the turnstile.
 */
export async function makeRoom(core: StoreCore, bytes: number, keep: ReadonlySet<BlockHash>): Promise<void> {
  const { catalogue, options } = core;
  const before = catalogue.fileBytes;
  const dead = catalogue.deadBytes;
  if (dead < bytes) {
    const wanted = bytes - dead + Math.floor(options.limits.maxBytes * SLACK_SHARE);
    const victims = chooseVictims(catalogue, wanted, keep);
    const freed = victims.reduce((sum, block) => sum + blockBytes(block), 0);
    if (freed + dead < bytes) return;
    await removeBlocks(core, 'evict', victims);
    core.evicted += victims.length;
    options.log('info', 'kv store: evicted', { blocks: victims.length, bytes: freed });
  }
  while (before - catalogue.fileBytes < bytes) {
    const deadBytes = ({ imageBytes, liveBytes }: { imageBytes: number; liveBytes: number }): number => imageBytes - liveBytes;
    const [most] = [...catalogue.extents.values()].sort((a, b) => deadBytes(b) - deadBytes(a));
    if (most === undefined || deadBytes(most) === 0) return;
    await rewriteExtents(core, 'evict', [most]);
  }
}
