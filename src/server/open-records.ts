/** What outlives the daemon beside KV and agents, as configured. */
import type { Logger } from 'pino';
import type { Config } from '../adapters/config/schema.js';
import { callsDirectory, responsesDirectory } from '../adapters/paths/paths.js';
import { RecordStore } from '../adapters/records/record-store.js';

const MB = 2 ** 20;

/** Stored responses of the Responses API. */
export function openResponses({ persist, max_count, max_mb }: Config['responses'], logger: Logger): Promise<RecordStore> {
  return RecordStore.open({
    directory: persist === 'disk' ? responsesDirectory() : null,
    maxCount: max_count,
    maxBytes: max_mb * MB,
    onRefused: (error) => logger.warn({ err: error }, 'stored responses cannot be written to disk: they stay in memory'),
  });
}

/** Tool calls as they were emitted, for the KV on disk behind them; null where there is none. */
export async function openCalls({ cache, store }: Config, logger: Logger): Promise<RecordStore | null> {
  if (!store.enabled) return null;
  return RecordStore.open({
    directory: callsDirectory(),
    maxCount: cache.remembered_calls,
    maxBytes: cache.remembered_calls_mb * MB,
    onRefused: (error) => logger.warn({ err: error }, 'tool calls cannot be written to disk: they are known until the daemon ends'),
  });
}
