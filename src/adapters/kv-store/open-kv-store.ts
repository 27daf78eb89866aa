import type { KvStore } from '../../core/ports.js';
import { DiskStore } from './disk-store.js';
import { openCore } from './open-core.js';
import type { KvStoreOptions } from './options.js';
import { ReopeningStore } from './reopening-store.js';

/**
 * Opens the store of a directory. It always opens: where the directory is another daemon's, of a newer format, or not to be used, the
 * store is `suspended`, empty, leaves the directory as it is, and tries again every `retrySeconds`.
 */
export async function openKvStore(options: KvStoreOptions): Promise<KvStore> {
  const open = async (): Promise<KvStore> => new DiskStore(await openCore(options));
  return open().catch((error: unknown) => new ReopeningStore(options, open, error));
}
