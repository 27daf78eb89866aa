/** The queue as SQL: every call is a part of one transaction of whoever calls, and leaves its events in `published`. */
import { randomBytes } from 'node:crypto';
import type Libsql from 'libsql';
import { SemanticError } from '../../core/domain/errors.js';
import type { JobBackoff } from '../../core/domain/job-backoff.js';
import { type JobEvent, type JobEventType, type JobTopic, topicOf } from '../../core/domain/job-event.js';
import { type Job, JOB_STATES, type JobDetail, type JobRequest, type JobState, type JobTally } from '../../core/domain/job.js';
import type { DocumentPage, DueWebhook, JobDocument, JobFilter, SubmittedJob } from '../../core/jobs/job-queue.js';
import { findDocument, listDocuments, putDocument } from './documents.js';
import { detailOf, DETAIL_COLUMNS, eventOf, EVENT_COLUMNS, JOB_COLUMNS, jobOf, numberOf, type Row, textOf } from './rows.js';

export type Value = string | number | Uint8Array | null;

export interface QueueLimits {
  /** Jobs that may wait. */
  readonly maxOpen: number;
  /** Of the database. */
  readonly maxBytes: number;
  /** How long a job is kept when it is over. */
  readonly keepMs: number;
  readonly backoff: JobBackoff;
}

export class QueueTables {
  /** What the calls since it was last emptied have made known. */
  published: JobEvent[] = [];
  readonly #statements = new Map<string, Libsql.Statement<unknown[]>>();

  constructor(
    private readonly database: Libsql.Database,
    readonly limits: QueueLimits,
  ) {}

  /** Parameters go in as a list: a lone object would be taken for named ones, and that ends the process. */
  rows(sql: string, ...values: readonly Value[]): Row[] {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.database.prepare(sql)));
    return statement.all([...values]) as Row[];
  }

  submit(now: number, requests: readonly JobRequest[], batch?: JobDocument): SubmittedJob[] {
    this.assertRoom(requests.length);
    if (batch !== undefined) putDocument(this, batch);
    return requests.map((request) => {
      const there = this.#ofKey(request);
      if (there !== null) return { job: there, isNew: false };
      return { job: this.#insert(now, request), isNew: true };
    });
  }

  get(_now: number, scope: string | null, id: string): JobDetail {
    return detailOf(this.find(scope, id));
  }

  list(_now: number, { scope, state, batch, after, limit }: JobFilter): Job[] {
    const before = after === null ? null : numberOf(this.find(scope, after), 'seq');
    const wanted = [
      ...(scope === null ? [] : [['scope = ?', scope] as const]),
      ...(state === null ? [] : [['state = ?', state] as const]),
      ...(batch === null ? [] : [['batch = ?', batch] as const]),
      ...(before === null ? [] : [['seq < ?', before] as const]),
    ];
    const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([condition]) => condition).join(' AND ')}`;
    const values = wanted.map(([, value]) => value);
    return this.rows(`SELECT ${JOB_COLUMNS} FROM job ${where} ORDER BY seq DESC LIMIT ?`, ...values, limit).map(jobOf);
  }

  results(_now: number, scope: string | null, batch: string, after: number, limit: number): JobDetail[] {
    const where = 'batch = ? AND (?2 IS NULL OR scope = ?2)';
    return this.rows(`SELECT ${DETAIL_COLUMNS} FROM job WHERE ${where} ORDER BY seq LIMIT ?3 OFFSET ?4`, batch, scope, limit, after).map(
      detailOf,
    );
  }

  tally(_now: number, scope: string | null, batch: string | null): JobTally {
    const where = '(?1 IS NULL OR scope = ?1) AND (?2 IS NULL OR batch = ?2)';
    const counted = this.rows(`SELECT CAST(state AS BLOB) AS state, COUNT(*) AS n FROM job WHERE ${where} GROUP BY state`, scope, batch);
    const counts = new Map(counted.map((row) => [textOf(row, 'state'), numberOf(row, 'n')!]));
    return Object.fromEntries(JOB_STATES.map((state) => [state, counts.get(state) ?? 0])) as Record<JobState, number>;
  }

  endOf(_now: number, batch: string): number | null {
    const over = "SUM(state IN ('queued', 'running')) AS open, MAX(finished_at) AS at";
    const row = this.rows(`SELECT ${over} FROM job WHERE batch = ?`, batch)[0]!;
    return numberOf(row, 'open') === 0 ? numberOf(row, 'at') : null;
  }

  putDocument(_now: number, document: JobDocument): void {
    this.assertRoom(0);
    putDocument(this, document);
  }

  document(_now: number, scope: string | null, kind: string, id: string): JobDocument | null {
    return findDocument(this, scope, kind, id);
  }

  documents(_now: number, scope: string | null, kind: string, page: DocumentPage): JobDocument[] {
    return listDocuments(this, scope, kind, page);
  }

  removeDocument(_now: number, id: string): void {
    this.rows('DELETE FROM document WHERE id = ? RETURNING seq', id);
  }

  read(_now: number, topic: JobTopic, after: number, limit: number): JobEvent[] {
    return this.rows(`SELECT ${EVENT_COLUMNS} FROM event WHERE topic = ? AND place > ? ORDER BY place LIMIT ?`, topic, after, limit).map(
      eventOf,
    );
  }

  history(_now: number, scope: string | null, id: string, after: number): JobEvent[] {
    this.find(scope, id);
    return this.rows(`SELECT ${EVENT_COLUMNS} FROM event WHERE job = ? AND place > ? ORDER BY place`, id, after).map(eventOf);
  }

  webhooksDue(now: number, limit: number): DueWebhook[] {
    const due = this.rows(`SELECT ${JOB_COLUMNS} FROM job WHERE webhook_at <= ? ORDER BY webhook_at LIMIT ?`, now, limit);
    return due.map((row) => ({ job: jobOf(row), tries: numberOf(row, 'webhook_tries')! }));
  }

  webhookTried(now: number, id: string, again: number | null): void {
    const next = again === null ? null : now + again;
    this.rows('UPDATE job SET webhook_tries = webhook_tries + 1, webhook_at = ? WHERE id = ? RETURNING seq', next, id);
  }

  /** Throws JobNotFound. */
  find(scope: string | null, id: string): Row {
    const row = this.rows(`SELECT ${DETAIL_COLUMNS} FROM job WHERE id = ?`, id)[0];
    if (row !== undefined && (scope === null || textOf(row, 'scope') === scope)) return row;
    throw new SemanticError('JobNotFound', `[jobs] there is no job ${id}`, { hint: 'GET /v1/jobs lists those there are.' });
  }

  /** The job as it is after these columns of it were set. */
  change(now: number, row: Row, columns: Readonly<Record<string, Value>>, type: JobEventType, data: JobEvent['data'] = {}): Row {
    const names = Object.keys(columns);
    const sql = `UPDATE job SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE seq = ? RETURNING ${DETAIL_COLUMNS}`;
    const changed = this.rows(sql, ...Object.values(columns), numberOf(row, 'seq'))[0]!;
    this.publish(now, changed, type, data);
    return changed;
  }

  publish(at: number, row: Row, type: JobEventType, data: JobEvent['data']): void {
    const event = { topic: topicOf(type), job: textOf(row, 'id')!, scope: textOf(row, 'scope')!, type, at, data };
    const sql = 'INSERT INTO event (topic, job, scope, type, at, data) VALUES (?, ?, ?, ?, ?, ?) RETURNING place';
    const placed = this.rows(sql, event.topic, event.job, event.scope, type, at, JSON.stringify(data))[0]!;
    this.published.push({ offset: numberOf(placed, 'place')!, ...event });
  }

  /** Of the file, but for what is free in it. */
  bytes(): number {
    const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) =>
      numberOf(this.rows(`PRAGMA ${name}`)[0]!, name)!,
    );
    return (pages! - free!) * size!;
  }

  #insert(now: number, request: JobRequest): Job {
    const columns: Record<string, Value> = {
      id: `job_${randomBytes(12).toString('hex')}`,
      scope: request.scope,
      endpoint: request.endpoint,
      body: Buffer.from(request.body),
      class: request.class,
      priority: request.priority,
      deadline: request.deadline,
      max_attempts: request.maxAttempts,
      idempotency_key: request.idempotencyKey,
      fingerprint: request.fingerprint,
      webhook: request.webhook,
      batch: request.batch,
      custom_id: request.customId,
      state: 'queued',
      created_at: now,
      available_at: now,
    };
    const names = Object.keys(columns);
    const sql = `INSERT INTO job (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) RETURNING ${JOB_COLUMNS}`;
    const row = this.rows(sql, ...Object.values(columns))[0]!;
    this.publish(now, row, 'queued', { attempt: 0 });
    return jobOf(row);
  }

  #ofKey({ scope, idempotencyKey, fingerprint }: JobRequest): Job | null {
    if (idempotencyKey === null) return null;
    const row = this.rows(`SELECT ${JOB_COLUMNS} FROM job WHERE scope = ? AND idempotency_key = ?`, scope, idempotencyKey)[0];
    if (row === undefined) return null;
    if (textOf(row, 'fingerprint') === fingerprint) return jobOf(row);
    throw new SemanticError('JobConflict', `[jobs] the idempotency key is that of ${textOf(row, 'id')}, which asked for something else`, {
      param: 'idempotency_key',
      hint: 'Send the same request again, or another key.',
    });
  }

  /** Throws Overloaded where so many more may not wait, or the file is full. */
  assertRoom(count: number): void {
    const { maxOpen, maxBytes } = this.limits;
    const open = numberOf(this.rows("SELECT COUNT(*) AS n FROM job WHERE state = 'queued'")[0]!, 'n')!;
    if (open + count > maxOpen)
      throw new SemanticError(
        'Overloaded',
        `[jobs] ${open} jobs wait and ${count} more would come: at most ${maxOpen} may (jobs.max_queued)`,
        {
          retryAfterSeconds: 30,
        },
      );
    const bytes = this.bytes();
    if (bytes < maxBytes) return;
    throw new SemanticError('Overloaded', `[jobs] what is kept takes ${bytes} bytes, at most ${maxBytes} are allowed (jobs.max_mb)`, {
      retryAfterSeconds: 30,
      hint: 'Room is made as jobs end: the oldest that are over go first.',
    });
  }
}
