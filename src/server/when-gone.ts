import type { FastifyReply } from 'fastify';
import { SemanticError } from '../core/domain/errors.js';

/** Aborts when the connection closes before the answer is complete, or, with DeadlineExceeded, when `timeoutMs` are over. */
export function whenGone(reply: FastifyReply, timeoutMs: number | null): AbortSignal {
  const gone = new AbortController();
  const late = (): void =>
    gone.abort(new SemanticError('DeadlineExceeded', `the answer was not complete after ${timeoutMs} ms (timeout_ms)`));
  const timer = timeoutMs === null ? undefined : setTimeout(late, timeoutMs);
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
