import type { FastifyReply } from 'fastify';
import { SemanticError } from '../core/domain/errors.js';

/** Aborts when the connection closes before the answer is complete, or, with DeadlineExceeded, when `timeoutMs` are over. */
export function whenGone(reply: FastifyReply, timeoutMs: number | null): AbortSignal {
  const gone = new AbortController();
  const timer = timeoutMs === null ? undefined : setTimeout(() => gone.abort(late(timeoutMs)), timeoutMs);
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

export interface Deadline {
  readonly signal: AbortSignal;
  abort(): void;
  /** Its time no longer counts. */
  clear(): void;
}

/** For answers that nobody waits for: aborts with DeadlineExceeded when `timeoutMs` are over. */
export function afterTime(timeoutMs: number | null): Deadline {
  const end = new AbortController();
  const timer = timeoutMs === null ? undefined : setTimeout(() => end.abort(late(timeoutMs)), timeoutMs);
  return { signal: end.signal, abort: () => end.abort(), clear: () => clearTimeout(timer) };
}

function late(timeoutMs: number): SemanticError {
  return new SemanticError('DeadlineExceeded', `the answer was not complete after ${timeoutMs} ms (timeout_ms)`);
}
