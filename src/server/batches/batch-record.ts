/** Batches: many requests under one name. Their requests are jobs; what is kept of the batch itself is this. */
import { SemanticError } from '../../core/domain/errors.js';
import type { JobEndpoint, JobRequest, JobTally } from '../../core/domain/job.js';
import type { JobDocument, JobQueue } from '../../core/jobs/job-queue.js';

/** As long as either vendor gives: what has no answer by then has expired. */
export const BATCH_MS = 24 * 3_600_000;

export interface BatchItem {
  readonly customId: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface BatchState {
  readonly tally: JobTally;
  readonly total: number;
  readonly isOver: boolean;
  /** Milliseconds since 1970; null while it is not over. */
  readonly endedAt: number | null;
}

export function itemsToJobs(
  items: readonly BatchItem[],
  batch: {
    readonly id: string;
    readonly scope: string;
    readonly endpoint: JobEndpoint;
    readonly maxAttempts: number;
    readonly createdAt: number;
  },
): JobRequest[] {
  return items.map(({ customId, body }) => ({
    scope: batch.scope,
    endpoint: batch.endpoint,
    body: JSON.stringify({ ...body, stream: false, ...(batch.endpoint === '/v1/responses' ? { background: false } : {}) }),
    class: 'batch',
    priority: 0,
    deadline: batch.createdAt + BATCH_MS,
    maxAttempts: batch.maxAttempts,
    idempotencyKey: null,
    fingerprint: '',
    webhook: null,
    batch: batch.id,
    customId: customId.toWellFormed(),
  }));
}

export async function stateOf(queue: JobQueue, scope: string | null, id: string): Promise<BatchState> {
  const tally = await queue.tally(scope, id);
  const total = Object.values(tally).reduce((sum, count) => sum + count, 0);
  const isOver = tally.queued + tally.running === 0;
  return { tally, total, isOver, endedAt: isOver ? await queue.endOf(id) : null };
}

/** Throws JobNotFound. */
export async function batchOf(queue: JobQueue, scope: string | null, kind: string, id: string): Promise<JobDocument> {
  const found = await queue.document(scope, kind, id);
  if (found !== null) return found;
  throw new SemanticError('JobNotFound', `there is no ${kind === 'file' ? 'file' : 'batch'} ${JSON.stringify(id.slice(0, 80))}`);
}
