/** /v1/batches: the vendor's Batch API, on the queue of jobs. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type JobEndpoint, JOB_ENDPOINTS } from '../../core/domain/job.js';
import type { JobDocument, JobQueue } from '../../core/jobs/job-queue.js';
import { callerOf } from '../caller.js';
import { scopeOf } from '../jobs/scope-of.js';
import { parseBody } from '../request-body.js';
import { BATCH_MS, type BatchState, batchOf, itemsToJobs, stateOf } from './batch-record.js';
import { BATCH, FILE, outputFileOf, textOf } from './files.js';
import type { BatchOptions } from './message-batches.js';
import { pageQuery } from './page-query.js';
import { type LineError, readLines } from './read-lines.js';

const ENDPOINTS = JOB_ENDPOINTS.filter((endpoint) => endpoint !== '/v1/messages');

export const batchSchema = z.looseObject({
  input_file_id: z.string().min(1).max(100),
  endpoint: z.enum(ENDPOINTS, { error: `wanted one of ${ENDPOINTS.join(', ')}` }),
  completion_window: z.literal('24h', { error: 'wanted "24h"' }),
  metadata: z.record(z.string(), z.string()).nullish(),
});

interface Kept {
  readonly endpoint: JobEndpoint;
  readonly input: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly errors: readonly LineError[];
  readonly cancelledAt: number | null;
}

interface OfBatch {
  readonly Params: { readonly id: string };
}

export function batches(app: FastifyInstance, { jobs }: BatchOptions): void {
  const { desk, maxAttempts } = jobs;
  app.post('/v1/batches', async (request) => {
    const { input_file_id: input, endpoint, metadata = null } = parseBody(batchSchema, request.body);
    const { scope } = callerOf(request);
    const { items, errors } = readLines(textOf(await batchOf(desk.queue, scope, FILE, input)), endpoint);
    const [id, createdAt] = [`batch_${randomBytes(12).toString('hex')}`, Date.now()];
    const kept: Kept = { endpoint, input, metadata, errors, cancelledAt: null };
    const batch = { id, scope, kind: BATCH, createdAt, data: JSON.stringify(kept) };
    if (errors.length > 0) await desk.queue.putDocument(batch);
    else await desk.queue.submit(itemsToJobs(items, { id, scope, endpoint, maxAttempts, createdAt }), batch);
    return bodyOf(desk.queue, batch);
  });
  app.get('/v1/batches', async (request) => {
    const { limit = 20, after = null } = parseBody(pageQuery, request.query);
    const found = await desk.queue.documents(scopeOf(request), BATCH, { after, before: null, limit: limit + 1 });
    const data = await Promise.all(found.slice(0, limit).map((batch) => bodyOf(desk.queue, batch)));
    return {
      object: 'list',
      data,
      has_more: found.length > limit,
      first_id: found[0]?.id ?? null,
      last_id: found.slice(0, limit).at(-1)?.id ?? null,
    };
  });
  app.get<OfBatch>('/v1/batches/:id', async (request) =>
    bodyOf(desk.queue, await batchOf(desk.queue, scopeOf(request), BATCH, request.params.id)),
  );
  app.post<OfBatch>('/v1/batches/:id/cancel', async (request) => {
    const scope = scopeOf(request);
    const batch = await batchOf(desk.queue, scope, BATCH, request.params.id);
    const isCancelled = (await desk.queue.cancelBatch(scope, batch.id)) > 0;
    if (isCancelled) await desk.queue.putDocument({ ...batch, data: JSON.stringify({ ...keptOf(batch), cancelledAt: Date.now() }) });
    return bodyOf(desk.queue, await batchOf(desk.queue, scope, BATCH, batch.id));
  });
}

function keptOf({ data }: JobDocument): Kept {
  return JSON.parse(data) as Kept;
}

async function bodyOf(queue: JobQueue, batch: JobDocument): Promise<object> {
  const { id, scope, createdAt } = batch;
  const { endpoint, input, metadata, errors, cancelledAt } = keptOf(batch);
  const state = await stateOf(queue, scope, id);
  const { tally, total, endedAt } = state;
  const status = errors.length > 0 ? 'failed' : statusOf(state, cancelledAt);
  const time = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000));
  const at = (wanted: string): number | null => (status === wanted ? time(endedAt) : null);
  return {
    id,
    object: 'batch',
    endpoint,
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    input_file_id: input,
    completion_window: '24h',
    status,
    output_file_id: state.isOver && tally.succeeded > 0 ? outputFileOf(id, false) : null,
    error_file_id: state.isOver && tally.succeeded < total ? outputFileOf(id, true) : null,
    created_at: time(createdAt),
    in_progress_at: errors.length > 0 ? null : time(createdAt),
    expires_at: time(createdAt + BATCH_MS),
    finalizing_at: null,
    completed_at: at('completed'),
    failed_at: status === 'failed' ? time(createdAt) : null,
    expired_at: at('expired'),
    cancelling_at: time(cancelledAt),
    cancelled_at: at('cancelled'),
    request_counts: { total, completed: tally.succeeded, failed: total - tally.succeeded - tally.queued - tally.running },
    metadata,
  };
}

function statusOf({ isOver, tally }: BatchState, cancelledAt: number | null): string {
  if (!isOver) return cancelledAt === null ? 'in_progress' : 'cancelling';
  if (cancelledAt !== null) return 'cancelled';
  return tally.expired > 0 ? 'expired' : 'completed';
}
