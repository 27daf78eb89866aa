/** /v1/jobs and /v1/infer/sync: requests that are answered later, or at once by way of the queue. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { inferSchema, type JobBody, type JobDetailBody, type JobListBody, submitSchema } from '../../client/jobs/job-bodies.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { JobDetail } from '../../core/domain/job.js';
import type { JobEvent } from '../../core/domain/job-event.js';
import { replyWithFrames } from '../answering/reply-with-frames.js';
import { errorBody } from '../error-reply.js';
import type { Frame } from '../event-stream.js';
import { parseBody } from '../request-body.js';
import { whenGone } from '../when-gone.js';
import { jobBody, jobDetailBody, jobEventBody } from './bodies.js';
import { leaseRoutes } from './lease-routes.js';
import { jobEventsQuery, listJobsQuery } from './queries.js';
import type { JobRouteOptions, OfJob } from './route-options.js';
import { scopeOf } from './scope-of.js';
import { toJobRequest } from './to-request.js';

/** Of a job that somebody waits for. */
const SYNC_PRIORITY = 50;

export function jobRoutes(app: FastifyInstance, options: JobRouteOptions): void {
  const { desk } = options.jobs;
  app.post('/v1/jobs', async (request, reply): Promise<JobBody> => {
    const asked = parseBody(submitSchema, request.body);
    const wanted = toJobRequest(asked, request, { ...options.jobs, class: 'batch', priority: 0 });
    const { job, isNew } = (await desk.queue.submit([wanted]))[0]!;
    void reply.code(isNew ? 201 : 200);
    return jobBody(job);
  });
  app.get('/v1/jobs', async (request): Promise<JobListBody> => {
    const { state = null, batch = null, after = null, limit = 100 } = parseBody(listJobsQuery, request.query);
    const scope = scopeOf(request);
    const found = await desk.queue.list({ scope, state, batch, after, limit: limit + 1 });
    return {
      object: 'list',
      data: found.slice(0, limit).map(jobBody),
      has_more: found.length > limit,
      tally: await desk.queue.tally(scope, batch),
    };
  });
  app.get<OfJob>('/v1/jobs/:id', async (request): Promise<JobDetailBody> =>
    jobDetailBody(await desk.queue.get(scopeOf(request), request.params.id)),
  );
  app.post<OfJob>('/v1/jobs/:id/cancel', async (request): Promise<JobBody> =>
    jobBody(await desk.queue.cancel(scopeOf(request), request.params.id)),
  );
  app.post<OfJob>('/v1/jobs/:id/retry', async (request): Promise<JobBody> =>
    jobBody(await desk.queue.retry(scopeOf(request), request.params.id)),
  );
  app.get<OfJob>('/v1/jobs/:id/events', (request, reply) => followJob(request.params.id, options, request, reply));
  app.post('/v1/infer/sync', (request, reply) => inferNow(options, request, reply));
  leaseRoutes(app, options);
}

async function followJob(
  id: string,
  { jobs, stream: limits }: JobRouteOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const scope = scopeOf(request);
  const gone = whenGone(reply, null);
  const last = Number(request.headers['last-event-id'] ?? 0);
  const { starting_after: after = Number.isSafeInteger(last) ? last : 0 } = parseBody(jobEventsQuery, request.query);
  await jobs.desk.queue.get(scope, id); // what is wrong is said with a status
  const events = jobs.desk.follow(scope, id, after, gone);
  const error = (thrown: SemanticError): Frame[] => [{ data: JSON.stringify(errorBody(thrown)) }];
  return replyWithFrames(framesOf(events), { error }, { limits }, request, reply);
}

async function* framesOf(events: AsyncIterable<JobEvent>): AsyncGenerator<Frame, void, undefined> {
  for await (const event of events) yield { event: event.type, data: JSON.stringify(jobEventBody(event)), id: String(event.offset) };
  yield { data: '[DONE]' };
}

/** Whoever goes away does not want the answer any more, unless a key says that he will ask again. */
async function inferNow({ jobs }: JobRouteOptions, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { desk } = jobs;
  const gone = whenGone(reply, null); // before anything is waited for
  const asked = parseBody(inferSchema, request.body);
  const wanted = toJobRequest(asked, request, { ...jobs, class: 'interactive', priority: SYNC_PRIORITY });
  const { job } = (await desk.queue.submit([wanted]))[0]!;
  void reply.header('x-semantic-job', job.id);
  try {
    return answerOf(await desk.ended(wanted.scope, job.id, gone), reply);
  } catch (error) {
    const isLeft = error instanceof SemanticError && ['Cancelled', 'ShuttingDown'].includes(error.code);
    if (isLeft && wanted.idempotencyKey === null) await desk.queue.cancel(null, job.id).catch(() => undefined); // it may be over by now
    throw error;
  }
}

function answerOf({ id, state, attempts, error, result }: JobDetail, reply: FastifyReply): unknown {
  if (result !== null) {
    void reply.code(result.status);
    return JSON.parse(result.body) as unknown;
  }
  if (state === 'expired') throw new SemanticError('DeadlineExceeded', `[jobs] the deadline of ${id} went by`);
  if (state === 'cancelled') throw new SemanticError('JobConflict', `[jobs] ${id} was cancelled`);
  throw new SemanticError('EngineFailed', `[jobs] ${id} came to nothing in ${attempts} attempts: ${error?.message ?? state}`);
}
