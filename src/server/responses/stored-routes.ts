/** GET, DELETE and cancel of /v1/responses/{id}, and its input items. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { callerOf } from '../caller.js';
import type { StreamLimits } from '../event-stream.js';
import { invalidField, parseBody } from '../request-body.js';
import type { BackgroundResponses } from './background.js';
import { replyWithEvents, replyWithRun } from './follow-run.js';
import type { Item } from './items.js';
import { notFound, type StoredResponses } from './stored-responses.js';

export interface StoredRoutesOptions {
  readonly stored: StoredResponses;
  readonly background: BackgroundResponses;
  readonly limits: StreamLimits;
}

const number = (least: number, most: number, what: string) =>
  z
    .string()
    .regex(/^\d{1,9}$/, what)
    .transform(Number)
    .pipe(z.int().min(least, what).max(most, what));

export const retrieveQuery = z.looseObject({
  stream: z.enum(['true', 'false'], { error: 'wanted true or false' }).optional(),
  starting_after: number(0, 999_999_999, 'wanted a sequence number').optional(),
});

export const itemsQuery = z.looseObject({
  after: z.string().optional(),
  limit: number(1, 100, 'wanted 1 to 100').default(20),
  order: z.enum(['asc', 'desc'], { error: 'wanted asc or desc' }).default('desc'),
});

interface OfResponse {
  readonly Params: { readonly id: string };
}

export function storedRoutes(app: FastifyInstance, { stored, background, limits }: StoredRoutesOptions): void {
  app.get<OfResponse>('/v1/responses/:id', async (request, reply) => {
    const { id } = request.params;
    const { scope } = callerOf(request);
    const { stream, starting_after: after = -1 } = parseBody(retrieveQuery, request.query);
    const run = background.find(scope, id);
    if (run !== null && stream !== 'true') return run.stream.response();
    if (run?.isFollowed === true) return replyWithRun(run, after, limits, request, reply);
    const { response, events } = await stored.get(scope, id);
    if (stream !== 'true') return response;
    if (events === null) throw invalidField('stream', 'this response was not created with background and stream both true');
    return replyWithEvents(events, after, limits, request, reply);
  });

  app.delete<OfResponse>('/v1/responses/:id', async (request) => {
    const { id } = request.params;
    const { scope } = callerOf(request);
    await background.find(scope, id)?.discard();
    if (!(await stored.remove(scope, id))) throw notFound(id);
    return { id, object: 'response', deleted: true };
  });

  app.post<OfResponse>('/v1/responses/:id/cancel', async (request) => {
    const { id } = request.params;
    const { scope } = callerOf(request);
    const run = background.find(scope, id);
    if (run !== null) {
      await run.cancel();
      return run.stream.response();
    }
    const { response } = await stored.get(scope, id);
    if (response['background'] !== true) throw invalidField('id', 'Cannot cancel a synchronous response.');
    return response;
  });

  app.get<OfResponse>('/v1/responses/:id/input_items', async (request) => {
    const { scope } = callerOf(request);
    const { after, limit, order } = parseBody(itemsQuery, request.query);
    const items = await stored.inputOf(scope, await stored.get(scope, request.params.id));
    const ordered = order === 'asc' ? items : items.toReversed();
    const start = after === undefined ? 0 : indexAfter(ordered, after);
    const data = ordered.slice(start, start + limit);
    const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    return { object: 'list', data, ...ends, has_more: start + limit < ordered.length };
  });
}

function indexAfter(items: readonly Item[], id: string): number {
  const index = items.findIndex((item) => item.id === id);
  if (index < 0) throw invalidField('after', `there is no input item ${JSON.stringify(id)} here`);
  return index + 1;
}
