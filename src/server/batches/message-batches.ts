/** /v1/messages/batches: the vendor's Message Batches, on the queue of jobs. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { JobDetail } from '../../core/domain/job.js';
import type { JobDocument, JobQueue } from '../../core/jobs/job-queue.js';
import { callerOf } from '../caller.js';
import type { JobDesk } from '../jobs/job-desk.js';
import { scopeOf } from '../jobs/scope-of.js';
import { messagesScope } from '../messages/messages-scope.js';
import { invalidField, parseBody } from '../request-body.js';
import { BATCH_MS, batchOf, itemsToJobs, stateOf } from './batch-record.js';
import { jobsOf } from './jobs-of.js';

export interface BatchOptions {
  readonly jobs: { readonly desk: JobDesk; readonly maxAttempts: number };
}

const KIND = 'message_batch';

export const messageBatchSchema = z.looseObject({
  requests: z
    .array(
      z.looseObject({
        custom_id: z.string().regex(/^[\w-]{1,64}$/, 'wanted 1 to 64 letters, digits, _ or -'),
        params: z.record(z.string(), z.unknown()),
      }),
    )
    .min(1),
});

const page = z
  .string()
  .regex(/^\d{1,4}$/, 'wanted 1 to 1000')
  .transform(Number)
  .pipe(z.int().min(1, 'wanted 1 to 1000').max(1_000, 'wanted 1 to 1000'));

export const messageBatchesQuery = z.looseObject({
  limit: page.optional(),
  after_id: z.string().max(100).optional(),
  before_id: z.string().max(100).optional(),
});

interface Kept {
  readonly cancelledAt: number | null;
}

interface OfBatch {
  readonly Params: { readonly id: string };
}

export function messageBatches(app: FastifyInstance, options: BatchOptions): void {
  messagesScope(app, (scoped) => routes(scoped, options));
}

function routes(app: FastifyInstance, { jobs }: BatchOptions): void {
  const { desk, maxAttempts } = jobs;
  app.post('/v1/messages/batches', async (request) => {
    const { requests } = parseBody(messageBatchSchema, request.body);
    const items = requests.map(({ custom_id: customId, params: body }) => ({ customId, body }));
    const names = new Set<string>();
    const twice = items.findIndex(({ customId }) => names.size === names.add(customId).size);
    if (twice >= 0)
      throw invalidField(`requests[${twice}].custom_id`, `wanted names that are there once, got ${items[twice]!.customId} again`);
    const { scope } = callerOf(request);
    const [id, createdAt] = [`msgbatch_${randomBytes(12).toString('hex')}`, Date.now()];
    const batch = { id, scope, kind: KIND, createdAt, data: JSON.stringify({ cancelledAt: null } satisfies Kept) };
    await desk.queue.submit(itemsToJobs(items, { id, scope, endpoint: '/v1/messages', maxAttempts, createdAt }), batch);
    return bodyOf(desk.queue, batch, request);
  });
  app.get('/v1/messages/batches', async (request) => {
    const { limit = 20, after_id: after = null, before_id: before = null } = parseBody(messageBatchesQuery, request.query);
    const found = await desk.queue.documents(scopeOf(request), KIND, { after, before, limit: limit + 1 });
    // Those nearest to `before_id` are wanted where it is given, and the newest first all the same.
    const shown = before === null ? found.slice(0, limit) : found.slice(-limit);
    const data = await Promise.all(shown.map((batch) => bodyOf(desk.queue, batch, request)));
    return { data, has_more: found.length > limit, first_id: shown[0]?.id ?? null, last_id: shown.at(-1)?.id ?? null };
  });
  app.get<OfBatch>('/v1/messages/batches/:id', async (request) =>
    bodyOf(desk.queue, await batchOf(desk.queue, scopeOf(request), KIND, request.params.id), request),
  );
  app.post<OfBatch>('/v1/messages/batches/:id/cancel', async (request) => {
    const scope = scopeOf(request);
    const batch = await batchOf(desk.queue, scope, KIND, request.params.id);
    const isCancelled = (await desk.queue.cancelBatch(scope, batch.id)) > 0;
    if (isCancelled) await desk.queue.putDocument({ ...batch, data: JSON.stringify({ cancelledAt: Date.now() } satisfies Kept) });
    return bodyOf(desk.queue, await batchOf(desk.queue, scope, KIND, batch.id), request);
  });
  app.get<OfBatch>('/v1/messages/batches/:id/results', async (request, reply) => {
    const scope = scopeOf(request);
    const batch = await batchOf(desk.queue, scope, KIND, request.params.id);
    if (!(await stateOf(desk.queue, scope, batch.id)).isOver) throw invalidField('id', `${batch.id} is not over yet: it has no results`);
    return reply.type('application/octet-stream').send(Readable.from(linesOf(desk.queue, batch)));
  });
}

async function* linesOf(queue: JobQueue, { scope, id }: JobDocument): AsyncGenerator<string, void, undefined> {
  for await (const job of jobsOf(queue, scope, id)) yield `${JSON.stringify({ custom_id: job.customId, result: resultOf(job) })}\n`;
}

function resultOf({ state, result, error }: JobDetail): object {
  if (state === 'cancelled') return { type: 'canceled' };
  if (state === 'expired') return { type: 'expired' };
  const body: unknown = result === null ? null : JSON.parse(result.body);
  if (state === 'succeeded') return { type: 'succeeded', message: body };
  const said = { type: 'error', error: { type: 'api_error', message: error?.message ?? state }, request_id: null };
  return { type: 'errored', error: body ?? said };
}

async function bodyOf(queue: JobQueue, { id, scope, createdAt, data }: JobDocument, request: FastifyRequest): Promise<object> {
  const { tally, total, isOver, endedAt } = await stateOf(queue, scope, id);
  const { cancelledAt } = JSON.parse(data) as Kept;
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  const counts = isOver
    ? { processing: 0, succeeded: tally.succeeded, errored: tally.failed + tally.dead, canceled: tally.cancelled, expired: tally.expired }
    : { processing: total, succeeded: 0, errored: 0, canceled: 0, expired: 0 }; // the vendor counts when all are over
  return {
    id,
    type: KIND,
    processing_status: isOver ? 'ended' : cancelledAt === null ? 'in_progress' : 'canceling',
    request_counts: counts,
    created_at: time(createdAt),
    expires_at: time(createdAt + BATCH_MS),
    ended_at: time(endedAt),
    cancel_initiated_at: time(cancelledAt),
    archived_at: null,
    results_url: isOver ? `${request.protocol}://${request.host}/v1/messages/batches/${id}/results` : null,
  };
}
