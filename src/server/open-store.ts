/** KV on disk, as configured. */
import type { Logger } from 'pino';
import type { Config } from '../adapters/config/schema.js';
import { noStore } from '../adapters/kv-store/no-store.js';
import { openKvStore } from '../adapters/kv-store/open-kv-store.js';
import { storeDirectory } from '../adapters/paths/paths.js';
import type { ChecksumFile, KvStore } from '../core/ports.js';

const MB = 2 ** 20;

export async function openStore(settings: Config['store'], checksumFile: ChecksumFile, logger: Logger): Promise<KvStore> {
  if (!settings.enabled) return noStore();
  return openKvStore({
    directory: storeDirectory(settings.directory),
    limits: {
      maxBytes: settings.max_mb * MB,
      minFreeBytes: settings.min_free_mb * MB,
      maxBytesPerDay: settings.max_mb_per_day * MB,
    },
    extentBytes: settings.extent_mb * MB,
    retrySeconds: settings.retry_seconds,
    quarantineBytes: settings.quarantine_mb * MB,
    compactionShare: settings.compaction_share,
    clock: { now: () => Date.now() },
    checksumFile,
    log: (level, message, fields) => logger[level](fields, message),
  });
}
