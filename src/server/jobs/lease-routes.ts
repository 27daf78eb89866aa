/** What workers say: they lease jobs, keep them, and tell what became of them. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { completeSchema, failSchema, type JobBody, leaseRequestSchema, renewSchema } from '../../client/jobs/job-bodies.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { Held } from '../../core/jobs/job-queue.js';
import { parseBody } from '../request-body.js';
import { whenGone } from '../when-gone.js';
import { jobBody, leasedBody } from './bodies.js';
import { DAEMON_WORKER } from './daemon-workers.js';
import type { JobRouteOptions, OfJob } from './route-options.js';
import { scopeOf } from './scope-of.js';

export function leaseRoutes(app: FastifyInstance, { jobs }: JobRouteOptions): void {
  const { desk } = jobs;
  app.post('/v1/jobs/lease', async (request, reply) => {
    const { worker, count, lease_ms, wait_ms } = parseBody(leaseRequestSchema, request.body);
    if (worker === DAEMON_WORKER)
      throw new SemanticError('InvalidRequest', `worker: wanted another name than that of the daemon's own`, { param: 'worker' });
    const leaseMs = lease_ms ?? jobs.leaseMs;
    const scope = scopeOf(request);
    const leased = await desk.lease({ worker, scope, count: count ?? 1, leaseMs }, wait_ms ?? 0, whenGone(reply, null));
    const { queued, running } = await desk.queue.tally(scope, null);
    return { object: 'list', data: leased.map((job) => leasedBody(job, leaseMs)), open: queued + running };
  });
  app.post<OfJob>('/v1/jobs/:id/renew', async (request): Promise<JobBody> => {
    const { lease, lease_ms } = parseBody(renewSchema, request.body);
    return jobBody(await desk.queue.renew(await heldBy(request, lease), lease_ms ?? jobs.leaseMs));
  });
  app.post<OfJob>('/v1/jobs/:id/complete', async (request): Promise<JobBody> => {
    const { lease, status, body, engine_ms } = parseBody(completeSchema, request.body);
    const held = await heldBy(request, lease);
    return jobBody(await desk.queue.complete(held, { status, body: JSON.stringify(body) }, engine_ms ?? null));
  });
  app.post<OfJob>('/v1/jobs/:id/fail', async (request): Promise<JobBody> => {
    const { lease, error, retry, delay_ms, status, body } = parseBody(failSchema, request.body);
    const held = await heldBy(request, lease);
    const delayMs = delay_ms ?? 0;
    if (retry === 'free') return jobBody(await desk.queue.release(held, delayMs));
    const answer = { status: status ?? 500, body: JSON.stringify(body ?? { error }) };
    return jobBody(await desk.queue.fail(held, { ...error, final: retry === 'never' ? answer : null, delayMs }));
  });

  /** Throws JobNotFound where it is another key's, whatever the lease. */
  async function heldBy(request: FastifyRequest<OfJob>, lease: string): Promise<Held> {
    const { id } = request.params;
    const scope = scopeOf(request);
    if (scope !== null) await desk.queue.get(scope, id);
    return { id, lease };
  }
}
