/** Rows of the tables as what they stand for. */
import type { Job, JobDetail, LeasedJob } from '../../core/domain/job.js';
import type { JobEvent } from '../../core/domain/job-event.js';

/** Text comes as bytes: a flipped bit can make text that is no UTF-8, which would end the process. */
const text = (column: string): string => `CAST(${column} AS BLOB) AS ${column}`;

const TEXTS = [
  'id',
  'scope',
  'endpoint',
  'class',
  'idempotency_key',
  'fingerprint',
  'webhook',
  'batch',
  'custom_id',
  'state',
  'worker',
  'lease',
];
const NUMBERS = [
  'seq',
  'priority',
  'deadline',
  'max_attempts',
  'webhook_tries',
  'attempts',
  'created_at',
  'available_at',
  'started_at',
  'finished_at',
];
const OUTCOME = [...['lease_until', 'engine_ms', 'status'], ...['error_code', 'error'].map(text)];

/** All but body and result. */
export const JOB_COLUMNS = [...TEXTS.map(text), ...NUMBERS, ...OUTCOME].join(', ');
export const DETAIL_COLUMNS = `${JOB_COLUMNS}, ${text('body')}, ${text('result')}`;
export const EVENT_COLUMNS = `place, at, ${['topic', 'job', 'scope', 'type', 'data'].map(text).join(', ')}`;

export type Row = Readonly<Record<string, unknown>>;

/** A column of text; null where it has none. */
export function textOf(row: Row, column: string): string | null {
  const bytes = row[column] as ArrayBuffer | Uint8Array | null;
  return bytes === null ? null : Buffer.from(bytes as Uint8Array).toString();
}

export function numberOf(row: Row, column: string): number | null {
  return row[column] as number | null;
}

export function jobOf(row: Row): Job {
  const code = textOf(row, 'error_code');
  return {
    id: textOf(row, 'id')!,
    scope: textOf(row, 'scope')!,
    endpoint: textOf(row, 'endpoint') as Job['endpoint'],
    class: textOf(row, 'class') as Job['class'],
    priority: numberOf(row, 'priority')!,
    deadline: numberOf(row, 'deadline'),
    maxAttempts: numberOf(row, 'max_attempts')!,
    idempotencyKey: textOf(row, 'idempotency_key'),
    webhook: textOf(row, 'webhook'),
    batch: textOf(row, 'batch'),
    customId: textOf(row, 'custom_id'),
    state: textOf(row, 'state') as Job['state'],
    attempts: numberOf(row, 'attempts')!,
    createdAt: numberOf(row, 'created_at')!,
    availableAt: numberOf(row, 'available_at')!,
    startedAt: numberOf(row, 'started_at'),
    finishedAt: numberOf(row, 'finished_at'),
    worker: textOf(row, 'worker'),
    leaseUntil: numberOf(row, 'lease_until'),
    engineMs: numberOf(row, 'engine_ms'),
    error: code === null ? null : { code, message: textOf(row, 'error') ?? '' },
  };
}

export function detailOf(row: Row): JobDetail {
  const status = numberOf(row, 'status');
  const result = status === null ? null : { status, body: textOf(row, 'result') ?? 'null' };
  return { ...jobOf(row), body: textOf(row, 'body')!, result };
}

export function leasedOf(row: Row): LeasedJob {
  return { ...detailOf(row), lease: textOf(row, 'lease')! };
}

export function eventOf(row: Row): JobEvent {
  return {
    offset: numberOf(row, 'place')!,
    topic: textOf(row, 'topic') as JobEvent['topic'],
    job: textOf(row, 'job')!,
    scope: textOf(row, 'scope')!,
    type: textOf(row, 'type') as JobEvent['type'],
    at: numberOf(row, 'at')!,
    data: JSON.parse(textOf(row, 'data')!) as JobEvent['data'],
  };
}
