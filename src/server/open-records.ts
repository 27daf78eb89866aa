/** Stored responses of the Responses API, as configured. */
import type { Logger } from 'pino';
import type { Config } from '../adapters/config/schema.js';
import { responsesDirectory } from '../adapters/paths/paths.js';
import { RecordStore } from '../adapters/records/record-store.js';

const MB = 2 ** 20;

export function openRecords({ persist, max_count, max_mb }: Config['responses'], logger: Logger): Promise<RecordStore> {
  return RecordStore.open({
    directory: persist === 'disk' ? responsesDirectory() : null,
    maxCount: max_count,
    maxBytes: max_mb * MB,
    onRefused: (error) => logger.warn({ err: error }, 'stored responses cannot be written to disk: they stay in memory'),
  });
}
