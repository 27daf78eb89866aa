/** POST /v1/cache/verify: reads every stored image; progress as it goes, then the report. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { VerifyEventBody } from '../../client/cache-bodies.js';
import type { CacheService } from '../../core/engine/agent-service.js';
import { errorBody, toSemanticError } from '../error-reply.js';
import { EventStream, type StreamLimits } from '../event-stream.js';
import { verifyReportBody } from './bodies.js';

/** Between two lines of progress. */
const PROGRESS_MS = 100;

export async function verify(
  cache: CacheService,
  request: FastifyRequest,
  reply: FastifyReply,
  limits: StreamLimits,
): Promise<FastifyReply> {
  reply.hijack();
  const stream = new EventStream(reply.raw, { 'x-request-id': request.id }, limits, request.log);
  const send = (body: VerifyEventBody): Promise<void> => stream.send(JSON.stringify(body), body.type);
  let shownAt = -Infinity;
  try {
    const report = await cache.verify((done, total) => {
      const now = performance.now();
      if (now - shownAt < PROGRESS_MS && done < total) return;
      shownAt = now;
      void send({ type: 'progress', done, total }); // a slow reader gets its lines late; there are few of them
    });
    await send(verifyReportBody(report));
  } catch (thrown) {
    const error = toSemanticError(thrown);
    request.log.error({ err: thrown }, error.message);
    await stream.send(JSON.stringify({ type: 'error', ...errorBody(error) }), 'error');
  } finally {
    await stream.send('[DONE]');
    stream.end();
  }
  return reply;
}
