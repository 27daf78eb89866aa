/** Who runs a job, how it ends, and what the clock ends. */
import { randomBytes } from 'node:crypto';
import { SemanticError } from '../../core/domain/errors.js';
import { backoffMs } from '../../core/domain/job-backoff.js';
import type { Job, JobError, JobResult, JobState, LeasedJob } from '../../core/domain/job.js';
import type { AttemptFailure, Held, LeaseWanted, Sweep } from '../../core/jobs/job-queue.js';
import { removeOldDocuments } from './documents.js';
import { QueueTables, type Value } from './queue-tables.js';
import { detailOf, DETAIL_COLUMNS, jobOf, leasedOf, numberOf, type Row, textOf } from './rows.js';

/** Of one sweep: what is more comes with the next one, at once. */
const SWEPT_AT_ONCE = 500;

const LOST: JobError = { code: 'lease_lost', message: 'its worker was not heard of in time' };
const LATE: JobError = { code: 'deadline_exceeded', message: 'its deadline went by' };

export class Leases extends QueueTables {
  lease(now: number, { worker, scope, count, leaseMs }: LeaseWanted): LeasedJob[] {
    const where = "state = 'queued' AND available_at <= ?1 AND (deadline IS NULL OR deadline > ?1) AND (?2 IS NULL OR scope = ?2)";
    const next = this.rows(`SELECT ${DETAIL_COLUMNS} FROM job WHERE ${where} ORDER BY priority DESC, seq LIMIT ?3`, now, scope, count);
    return next.map((row) => {
      const attempts = numberOf(row, 'attempts')! + 1;
      const lease = randomBytes(12).toString('hex');
      const taken = { state: 'running', attempts, lease, worker, lease_until: now + leaseMs, started_at: now };
      return leasedOf(this.change(now, row, taken, 'running', { attempt: attempts, worker }));
    });
  }

  renew(now: number, held: Held, leaseMs: number): Job {
    const row = this.#held(held);
    const sql = `UPDATE job SET lease_until = ? WHERE seq = ? RETURNING ${DETAIL_COLUMNS}`;
    return jobOf(this.rows(sql, now + leaseMs, numberOf(row, 'seq'))[0]!);
  }

  complete(now: number, held: Held, { status, body }: JobResult, engineMs: number | null): Job {
    const there = this.find(null, held.id);
    // Whoever says it again was not told that it had been heard.
    if (textOf(there, 'state') === 'succeeded' && textOf(there, 'lease') === held.lease) return jobOf(there);
    const row = this.#held(held);
    const runMs = now - numberOf(row, 'started_at')!;
    const queuedMs = numberOf(row, 'started_at')! - numberOf(row, 'created_at')!;
    const overheadMs = engineMs === null ? null : Math.max(0, runMs - engineMs);
    this.publish(now, row, 'measured', { queued_ms: queuedMs, run_ms: runMs, engine_ms: engineMs, overhead_ms: overheadMs });
    const result = { status, result: Buffer.from(body), engine_ms: engineMs, error_code: null, error: null };
    return this.#finish(now, row, 'succeeded', result, { status });
  }

  fail(now: number, held: Held, failure: AttemptFailure): Job {
    const row = this.#held(held);
    const { final, code, message, delayMs } = failure;
    if (final === null) return this.#again(now, row, { code, message }, delayMs);
    const result = { status: final.status, result: Buffer.from(final.body), error_code: code, error: message };
    return this.#finish(now, row, 'failed', result, { status: final.status, code });
  }

  release(now: number, held: Held, delayMs: number): Job {
    const row = this.#held(held);
    return this.#queue(now, row, { attempts: numberOf(row, 'attempts')! - 1, available_at: now + delayMs }, { released: 1 });
  }

  cancel(now: number, scope: string | null, id: string): Job {
    const row = this.find(scope, id);
    const state = textOf(row, 'state') as JobState;
    if (state === 'cancelled') return jobOf(row);
    if (state === 'queued' || state === 'running') return this.#finish(now, row, 'cancelled', { lease: null });
    throw conflict(`${id} is ${state}: it is over, and cannot be cancelled`);
  }

  cancelBatch(now: number, scope: string | null, batch: string): number {
    const where = "batch = ?1 AND state IN ('queued', 'running') AND (?2 IS NULL OR scope = ?2)";
    const open = this.rows(`SELECT ${DETAIL_COLUMNS} FROM job WHERE ${where}`, batch, scope);
    for (const row of open) this.#finish(now, row, 'cancelled', { lease: null });
    return open.length;
  }

  retry(now: number, scope: string | null, id: string): Job {
    const row = this.find(scope, id);
    const state = textOf(row, 'state') as JobState;
    if (state === 'running' || state === 'succeeded')
      throw conflict(`${id} ${state === 'running' ? 'runs' : 'has succeeded'}: there is nothing to try again`);
    const deadline = numberOf(row, 'deadline');
    const gone = { finished_at: null, status: null, result: null, webhook_at: null, webhook_tries: 0, error_code: null, error: null };
    const later = { deadline: deadline !== null && deadline <= now ? null : deadline };
    return this.#queue(now, row, { ...gone, ...later, attempts: 0, available_at: now }, { retried: 1 });
  }

  /** At the start: leases of workers that went with the last process are over, all others have as long as if they were new. */
  recover(now: number, ownWorker: string, leaseMs: number): void {
    const own = this.rows(`SELECT ${DETAIL_COLUMNS} FROM job WHERE state = 'running' AND worker = ?`, ownWorker);
    for (const row of own) this.#again(now, row, LOST, 0);
    this.rows("UPDATE job SET lease_until = MAX(lease_until, ?) WHERE state = 'running' RETURNING seq", now + leaseMs);
  }

  sweep(now: number): Sweep {
    const due = (where: string): Row[] => this.rows(`SELECT ${DETAIL_COLUMNS} FROM job WHERE ${where} LIMIT ${SWEPT_AT_ONCE}`, now);
    const late = due("deadline <= ? AND deadline IS NOT NULL AND state IN ('queued', 'running')");
    for (const row of late) this.#finish(now, row, 'expired', { lease: null, error_code: LATE.code, error: LATE.message });
    const lost = due("state = 'running' AND lease_until <= ?");
    for (const row of lost) this.#again(now, row, LOST, 0);
    const removed = this.#removeOld(now);
    const isMore = [late.length, lost.length, removed].some((count) => count >= SWEPT_AT_ONCE);
    return { nextAt: isMore ? now : this.#nextAt(now) };
  }

  #removeOld(now: number): number {
    const { keepMs, maxBytes } = this.limits;
    const before = this.bytes() >= maxBytes ? now : now - keepMs;
    removeOldDocuments(this, now - keepMs);
    const old = 'finished_at <= ? AND webhook_at IS NULL ORDER BY finished_at';
    const rows = this.rows(`SELECT seq, CAST(id AS BLOB) AS id FROM job WHERE ${old} LIMIT ${SWEPT_AT_ONCE}`, before);
    for (const row of rows) {
      this.rows('DELETE FROM event WHERE job = ? RETURNING place', textOf(row, 'id'));
      this.rows('DELETE FROM job WHERE seq = ? RETURNING seq', numberOf(row, 'seq'));
    }
    return rows.length;
  }

  #nextAt(now: number): number | null {
    const { keepMs } = this.limits;
    const times = this.rows(
      `SELECT MIN(at) AS at FROM (
        SELECT MIN(lease_until) AS at FROM job WHERE state = 'running'
        UNION ALL SELECT MIN(deadline) FROM job WHERE deadline IS NOT NULL AND state IN ('queued', 'running')
        UNION ALL SELECT MIN(available_at) FROM job WHERE state = 'queued' AND available_at > ?1
        UNION ALL SELECT MIN(webhook_at) FROM job WHERE webhook_at > ?1
        UNION ALL SELECT MIN(created_at) + ?2 FROM document WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.batch = document.id)
        UNION ALL SELECT MIN(finished_at) + ?2 FROM job WHERE finished_at IS NOT NULL AND webhook_at IS NULL)`,
      now,
      keepMs,
    );
    return numberOf(times[0]!, 'at');
  }

  #again(now: number, row: Row, error: JobError, delayMs: number): Job {
    const attempts = numberOf(row, 'attempts')!;
    const said = { error_code: error.code, error: error.message };
    if (attempts >= numberOf(row, 'max_attempts')!) return this.#finish(now, row, 'dead', { ...said, lease: null }, { code: error.code });
    const wait = Math.max(delayMs, backoffMs(attempts, this.limits.backoff, Math.random()));
    return this.#queue(now, row, { ...said, available_at: now + wait }, { code: error.code, attempt: attempts, delay_ms: wait });
  }

  #queue(now: number, row: Row, columns: Readonly<Record<string, Value>>, data: Readonly<Record<string, string | number>>): Job {
    return jobOf(this.change(now, row, { ...columns, state: 'queued', lease: null, lease_until: null }, 'queued', data));
  }

  #finish(
    now: number,
    row: Row,
    state: JobState,
    columns: Readonly<Record<string, Value>>,
    data: Readonly<Record<string, string | number>> = {},
  ): Job {
    const webhook_at = textOf(row, 'webhook') === null ? null : now;
    return jobOf(this.change(now, row, { ...columns, state, finished_at: now, lease_until: null, webhook_at }, state, data));
  }

  /** Throws LeaseLost where the job is not, or not any more, the one's who says it. */
  #held({ id, lease }: Held): Row {
    const row = this.find(null, id);
    if (textOf(row, 'state') === 'running' && textOf(row, 'lease') === lease) return row;
    const { state } = detailOf(row);
    throw new SemanticError('LeaseLost', `[jobs] ${id} is ${state}, and not leased to who says so`, {
      hint: 'What was computed for it does not count; lease another one.',
    });
  }
}

function conflict(message: string): SemanticError {
  return new SemanticError('JobConflict', `[jobs] ${message}`);
}
