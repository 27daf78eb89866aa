import { removeFile } from './file-io.js';
import { dayRecord, DAY_ROW, RECENCY_ROW, type StoreCore } from './store-core.js';
import { describe } from './store-errors.js';

/** Ends what is under way, gives up what was not committed, and notes what eviction wants to know next time. */
export async function closeCore(core: StoreCore, background: () => Promise<unknown>): Promise<void> {
  if (core.isClosed) return;
  core.isClosed = true;
  core.condition.close();
  await background();
  for (const abandon of core.writing.values()) await abandon();
  await core.turnstile.enter(async () => {
    const blocks = [...core.catalogue.blocks.values()].sort((a, b) => a.used - b.used).map(({ row }) => row);
    const puts = new Map([
      [RECENCY_ROW, { type: 'recency' as const, blocks }],
      [DAY_ROW, dayRecord(core.governor.day)],
    ]);
    await core.index.write(puts, []).catch((error: unknown) => {
      core.options.log('warn', 'kv store: the order of use could not be noted', { error: describe(error) });
    });
  });
  await core.readers.close();
  await removeFile(core.paths.lockOwner).catch(() => undefined); // it only tells who holds the lock
  await core.index.close();
}
