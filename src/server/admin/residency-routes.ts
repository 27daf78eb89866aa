/** /v1/admin/models: which models are in memory; exchanges, loads, unloads and pins them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  modelRequestSchema,
  pinRequestSchema,
  type ResidentBody,
  type ResidentListBody,
  type SwapBody,
  swapRequestSchema,
} from '../../client/residency-bodies.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { ModelResidency } from '../../core/residency/model-residency.js';
import type { SwapJob } from '../../core/residency/swap-report.js';
import { EventStream, type StreamLimits } from '../event-stream.js';
import { parseBody } from '../request-body.js';
import { residentBody, residentListBody, swapBody } from './residency-body.js';

export function residency(app: FastifyInstance, models: ModelResidency, limits: StreamLimits): void {
  app.get('/v1/admin/models/resident', (): ResidentListBody => residentListBody(models));
  app.post('/v1/admin/models/load', async (request): Promise<ResidentBody> => {
    const { name } = await models.load(parseBody(modelRequestSchema, request.body).model);
    return bodyOf(name, models);
  });
  app.post('/v1/admin/models/unload', async (request): Promise<ResidentListBody> => {
    await models.unload(parseBody(modelRequestSchema, request.body).model);
    return residentListBody(models);
  });
  app.post('/v1/admin/models/pin', (request): ResidentBody => {
    const { model, pinned } = parseBody(pinRequestSchema, request.body);
    return bodyOf(models.pin(model, pinned ?? true), models);
  });
  swaps(app, models, limits);
}

function swaps(app: FastifyInstance, models: ModelResidency, limits: StreamLimits): void {
  app.get('/v1/admin/models/swap', (): { readonly object: 'list'; readonly data: readonly SwapBody[] } => ({
    object: 'list',
    data: models.swaps().map(swapBody),
  }));
  app.get<{ Params: { id: string } }>('/v1/admin/models/swap/:id', (request): SwapBody => {
    const job = models.swapJob(request.params.id);
    if (job !== undefined) return swapBody(job.report());
    throw new SemanticError('SwapNotFound', `[models.swap] there is no exchange ${request.params.id}`, {
      hint: 'The last ones are listed at /v1/admin/models/swap.',
    });
  });
  app.post('/v1/admin/models/swap', async (request, reply): Promise<SwapBody | FastifyReply> => {
    const { model, drain_seconds: drainSeconds, stream } = parseBody(swapRequestSchema, request.body);
    const drainMs = drainSeconds === null || drainSeconds === undefined ? undefined : drainSeconds * 1000;
    const job = models.swap(model, drainMs, request.trace);
    request.audit?.begun(job.ended());
    if (stream === true) return follow(job, request, reply, limits);
    void reply.code(202);
    return swapBody(job.report());
  });
}

/** Whoever stops reading does not stop the exchange. */
async function follow(job: SwapJob, request: FastifyRequest, reply: FastifyReply, limits: StreamLimits): Promise<FastifyReply> {
  reply.hijack();
  const stream = new EventStream(reply.raw, { 'x-request-id': request.id }, limits, request.log);
  for await (const report of job.follow()) await stream.send(JSON.stringify(swapBody(report)), 'swap');
  await stream.send('[DONE]');
  stream.end();
  return reply;
}

function bodyOf(name: string, models: ModelResidency): ResidentBody {
  return residentBody(models.list().find((view) => view.name === name)!);
}
