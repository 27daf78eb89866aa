import type { ExtentEntry } from './catalogue.js';
import { rewriteExtents } from './rewrite-extents.js';
import type { StoreCore } from './store-core.js';

/** Brings the room of dead images back: one turn takes what is due, as far as it fills one new extent. */
export async function compactOnce(core: StoreCore): Promise<boolean> {
  if (core.isClosed || core.condition.diskReason !== null) return false;
  return core.turnstile.enter(async () => {
    if (core.isClosed || core.condition.diskReason !== null) return false;
    const due = chooseExtents(core);
    if (due.length === 0) return false;
    const living = due.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
    if ((await core.governor.refusal(living)) !== null) return false; // it can wait for another day, or for room
    const before = core.catalogue.fileBytes;
    await rewriteExtents(core, 'compact', due);
    core.options.log('info', 'kv store: compacted', { extents: due.length, bytes: before - core.catalogue.fileBytes });
    return true;
  });
}

function chooseExtents({ catalogue, options }: StoreCore): ExtentEntry[] {
  const due: ExtentEntry[] = [];
  let bytes = 0;
  for (const extent of catalogue.extents.values()) {
    const dead = extent.imageBytes - extent.liveBytes;
    if (dead === 0 || dead < extent.imageBytes * options.compactionShare) continue;
    if (due.length > 0 && bytes + extent.liveBytes > options.extentBytes) continue;
    due.push(extent);
    bytes += extent.liveBytes;
  }
  return due;
}
