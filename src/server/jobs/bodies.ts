/** Jobs as their clients see them. */
import type { JobBody, JobDetailBody, JobEventBody, LeasedJobBody } from '../../client/jobs/job-bodies.js';
import type { Job, JobDetail, LeasedJob } from '../../core/domain/job.js';
import type { JobEvent } from '../../core/domain/job-event.js';

const seconds = (ms: number): number => ms / 1000;
const timeOf = (ms: number | null): number | null => (ms === null ? null : seconds(ms));

export function jobBody(job: Job): JobBody {
  const { id, endpoint, state, priority, attempts, batch, webhook, worker, error, startedAt, finishedAt } = job;
  return {
    object: 'job',
    id,
    endpoint,
    state,
    class: job.class,
    priority,
    attempts,
    max_attempts: job.maxAttempts,
    idempotency_key: job.idempotencyKey,
    batch,
    custom_id: job.customId,
    webhook,
    worker,
    created_at: seconds(job.createdAt),
    available_at: seconds(job.availableAt),
    deadline: timeOf(job.deadline),
    started_at: timeOf(startedAt),
    finished_at: timeOf(finishedAt),
    run_ms: startedAt === null || finishedAt === null ? null : finishedAt - startedAt,
    engine_ms: job.engineMs,
    error: error === null ? null : { code: error.code, message: error.message },
  };
}

export function jobDetailBody(job: JobDetail): JobDetailBody {
  const { body, result } = job;
  return {
    ...jobBody(job),
    body: JSON.parse(body) as Record<string, unknown>,
    result: result === null ? null : { status: result.status, body: JSON.parse(result.body) as unknown },
  };
}

export function leasedBody(job: LeasedJob, leaseMs: number): LeasedJobBody {
  return { ...jobDetailBody(job), lease: job.lease, lease_ms: leaseMs, scope: job.scope };
}

export function jobEventBody({ offset, topic, job, type, at, data }: JobEvent): JobEventBody {
  return { object: 'job.event', offset, topic, job, type, at: seconds(at), data: { ...data } };
}
