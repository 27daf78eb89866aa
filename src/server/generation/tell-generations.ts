/**
 * `x-semantic-detail: generation`: an answer says with which seed it was sampled, what was found in the cache, and which ids it is. Bodies
 * have it in a field `semantic`, streams in a comment behind their events, which clients of every dialect pass over.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** To be called before any route is there. */
export function tellGenerations(app: FastifyInstance): void {
  app.addHook('preSerialization', (request, _reply, payload, done) => {
    const semantic = detailOf(request);
    const isBody = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
    done(null, semantic === null || !isBody ? payload : { ...payload, semantic });
  });
}

/** A comment for the end of a stream; null where nobody asked. */
export function lastComment(request: FastifyRequest): string | null {
  const detail = detailOf(request);
  return detail === null ? null : `semantic ${JSON.stringify(detail)}`;
}

function detailOf({ generations, headers }: FastifyRequest): object | null {
  const isWanted = headers['x-semantic-detail'] === 'generation';
  return isWanted && generations !== undefined && generations.length > 0 ? { generations } : null;
}
