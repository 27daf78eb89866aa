/** Every request from its arrival to its end: the trace it is part of, its id, its span and its line in the log. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Traces } from '../adapters/traces/traces.js';
import { dialectCode } from '../core/domain/dialect-code.js';
import type { TraceParent } from '../core/domain/trace-parent.js';
import { endingOf, isPolled, writeLine } from './request-line.js';
import { traceOf, traceparentOf } from './trace-context.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What is done for it is a part of this; undefined where nobody follows it. */
    trace?: TraceParent | undefined;
  }
}

/** To be called before any other hook is there. */
export function followRequests(app: FastifyInstance, traces: Traces): void {
  app.addHook('onRequest', (request, reply, done) => {
    followRequest(request, reply, traces);
    done();
  });
}

export function followRequest(request: FastifyRequest, reply: FastifyReply, traces: Traces): void {
  const since = performance.now();
  const route = request.routeOptions.url ?? null;
  const came = traceOf(request.headers['traceparent']);
  const span = traces.begin(came, isPolled(request, route));
  request.trace = span.trace;
  request.log = request.log.child({ trace: came.traceId });
  void reply.headers({ 'x-request-id': request.id, traceparent: traceparentOf({ ...came, flags: span.flags }) });
  reply.raw.once('close', () => {
    const ending = endingOf(request, reply);
    const { error, status } = ending;
    span.end({ method: request.method, route, status, code: error === null ? null : dialectCode(error.code), requestId: request.id });
    writeLine(request, route, ending, performance.now() - since);
  });
}
