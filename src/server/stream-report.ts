/** Work that takes long, as events: progress as it goes, then the report, or the error that ended it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, noteFailure, toSemanticError } from './error-reply.js';
import { EventStream, type StreamLimits } from './event-stream.js';

/** Between two lines of progress. */
const PROGRESS_MS = 100;

export interface Progress {
  readonly phase?: string;
  readonly done: number;
  readonly total: number;
}

/** `work` is told of a client that goes away by its signal. */
export async function streamReport<T extends { readonly type: 'report' }>(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: StreamLimits,
  work: (onProgress: (progress: Progress) => void, signal: AbortSignal) => Promise<T>,
): Promise<FastifyReply> {
  reply.hijack();
  const stream = new EventStream(reply.raw, { 'x-request-id': request.id }, limits, request.log);
  const send = (body: { readonly type: string }): Promise<void> => stream.send(JSON.stringify(body), body.type);
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  let shownAt = -Infinity;
  try {
    const report = await work((progress) => {
      const now = performance.now();
      if (now - shownAt < PROGRESS_MS && progress.done < progress.total) return;
      shownAt = now;
      void send({ type: 'progress', ...progress }); // a slow reader gets its lines late; there are few of them
    }, gone.signal);
    await send(report);
  } catch (thrown) {
    const error = toSemanticError(thrown, request);
    noteFailure(request, thrown);
    request.audit?.failed(error);
    await send({ type: 'error', ...errorBody(error) });
  } finally {
    await stream.send('[DONE]');
    stream.end();
  }
  return reply;
}
