/** What is kept beside jobs: batches, and files of requests. */
import type { DocumentPage, JobDocument } from '../../core/jobs/job-queue.js';
import { numberOf, type Row, textOf } from './rows.js';

interface Tables {
  rows(sql: string, ...values: readonly (string | number | Uint8Array | null)[]): Row[];
}

const COLUMNS = `seq, created_at, ${['id', 'scope', 'kind', 'data'].map((name) => `CAST(${name} AS BLOB) AS ${name}`).join(', ')}`;

export function putDocument(tables: Tables, { id, scope, kind, createdAt, data }: JobDocument): void {
  const there = 'ON CONFLICT (id) DO UPDATE SET data = excluded.data';
  const sql = `INSERT INTO document (id, scope, kind, created_at, data) VALUES (?, ?, ?, ?, ?) ${there} RETURNING seq`;
  tables.rows(sql, id, scope, kind, createdAt, Buffer.from(data));
}

export function findDocument(tables: Tables, scope: string | null, kind: string, id: string): JobDocument | null {
  const row = rowOf(tables, scope, kind, id);
  return row === undefined ? null : documentOf(row);
}

/** One that is named and is not there is no bound. */
export function listDocuments(tables: Tables, scope: string | null, kind: string, { after, before, limit }: DocumentPage): JobDocument[] {
  const place = (id: string | null): number | null => {
    const row = id === null ? undefined : rowOf(tables, scope, kind, id);
    return row === undefined ? null : numberOf(row, 'seq');
  };
  const [older, newer] = [place(after), place(before)];
  const where = 'kind = ?1 AND (?2 IS NULL OR scope = ?2) AND (?3 IS NULL OR seq < ?3) AND (?4 IS NULL OR seq > ?4)';
  // Those nearest to the one they are to be newer than: from it upwards.
  const order = newer === null ? 'DESC' : 'ASC';
  const sql = `SELECT ${COLUMNS} FROM document WHERE ${where} ORDER BY seq ${order} LIMIT ?5`;
  const found = tables.rows(sql, kind, scope, older, newer, limit).map(documentOf);
  return newer === null ? found : found.toReversed();
}

/** Those without jobs that are older than this. */
export function removeOldDocuments(tables: Tables, before: number): void {
  const alone = 'NOT EXISTS (SELECT 1 FROM job WHERE job.batch = document.id)';
  tables.rows(`DELETE FROM document WHERE created_at <= ? AND ${alone} RETURNING seq`, before);
}

function rowOf(tables: Tables, scope: string | null, kind: string, id: string): Row | undefined {
  return tables.rows(`SELECT ${COLUMNS} FROM document WHERE id = ?1 AND kind = ?2 AND (?3 IS NULL OR scope = ?3)`, id, kind, scope)[0];
}

function documentOf(row: Row): JobDocument {
  return {
    id: textOf(row, 'id')!,
    scope: textOf(row, 'scope')!,
    kind: textOf(row, 'kind')!,
    createdAt: numberOf(row, 'created_at')!,
    data: textOf(row, 'data')!,
  };
}
