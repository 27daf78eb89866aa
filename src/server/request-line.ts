/** The line a request leaves in the log when it is over: what was asked, what came of it, how long it took. No text, no key, no query. */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { LOCAL_SCOPE } from '../core/domain/agent.js';
import { dialectCode } from '../core/domain/dialect-code.js';
import { type ErrorCode, SemanticError } from '../core/domain/errors.js';
import { callerOf } from './caller.js';
import { toSemanticError } from './error-reply.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The answer has left a line of its own. */
    isAnswered?: boolean;
  }
}

/** Their messages quote what the client sent. */
const QUOTING: ReadonlySet<ErrorCode> = new Set(['InvalidRequest', 'TemplateFailed']);
/** Too much is asked, or nobody can answer now. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);

/** What monitors and `semantic top` ask over and over. */
export function isPolled({ method }: FastifyRequest, route: string | null): boolean {
  return (method === 'GET' || method === 'HEAD') && route !== null && /^\/(?:health\/|metrics$|v1\/admin\/)/.test(route);
}

export interface Ending {
  readonly error: SemanticError | null;
  /** That the client was sent, or would have been. */
  readonly status: number;
}

/** Once the connection has taken the answer, or is gone. */
export function endingOf({ failure }: FastifyRequest, { raw }: FastifyReply): Ending {
  const gone = raw.writableFinished ? null : new SemanticError('Cancelled', 'the client went away before the answer was complete');
  const error = failure === undefined ? gone : toSemanticError(failure, null);
  return { error, status: raw.headersSent || error === null ? raw.statusCode : error.status };
}

export function writeLine(request: FastifyRequest, route: string | null, { error, status }: Ending, millis: number): void {
  const { log, method } = request;
  const { scope } = callerOf(request);
  const key = scope === LOCAL_SCOPE || error?.code === 'Unauthenticated' ? {} : { key: scope };
  const line = { method, route, status, ...key, millis: Math.round(millis) };
  if (error !== null) return writeRefusal(log, error, line, request.failure);
  if (isPolled(request, route)) log.debug(line, 'done');
  else if (request.isAnswered !== true) log.info(line, 'done');
}

/** `line`: what else is known of the request. `thrown`: what it was at first, with its cause. */
export function writeRefusal(log: FastifyBaseLogger, error: SemanticError, line: object, thrown: unknown = error): void {
  const { code, message, param, status } = error;
  const said = { ...line, code: dialectCode(code), ...(param === undefined ? {} : { param: param.slice(0, MOST_CHARACTERS) }) };
  if (code === 'Cancelled') log.info(said, 'cancelled');
  else if (BUSY.has(status)) log.warn(said, `refused: ${message}`);
  else if (status >= 500) log.error({ ...said, err: thrown }, `failed: ${message}`);
  else log.info(said, QUOTING.has(code) ? 'refused' : `refused: ${message}`);
}

/** A field that there is not may have any name. */
const MOST_CHARACTERS = 60;
