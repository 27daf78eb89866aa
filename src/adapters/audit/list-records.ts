/** The last events of a log, the oldest of them first. */
import { openSnapshot } from './read-log.js';
import { type AuditRecord, readLine } from './sealed-line.js';

export interface ListedRecords {
  readonly records: readonly AuditRecord[];
  /** Lines that are none. */
  readonly unreadable: number;
}

/** `since`: milliseconds since 1970. */
export async function listRecords(
  path: string,
  { since, limit }: { readonly since: number; readonly limit: number },
): Promise<ListedRecords> {
  const snapshot = await openSnapshot(path);
  const records: AuditRecord[] = [];
  let unreadable = 0;
  try {
    for await (const { text } of snapshot.lines()) {
      const record = readLine(text);
      if (record === null) unreadable += 1;
      else if (Date.parse(record.time) >= since) records.push(record);
      if (records.length > 2 * limit) records.splice(0, records.length - limit);
    }
  } finally {
    await snapshot.close();
  }
  return { records: records.slice(Math.max(0, records.length - limit)), unreadable };
}
