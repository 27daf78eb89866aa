/** Errors as the Messages API spells them: clients decide by status and type whether to try again. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode, SemanticError } from '../../core/domain/errors.js';
import { noteFailure, toSemanticError, wireMessage } from '../error-reply.js';

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'invalid_request_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** A full queue is the vendor's 529, a limit of the caller's own key a 429; a time that is over is a 504. */
const STATUS: Partial<Record<ErrorCode, number>> = { Overloaded: 529, DeadlineExceeded: 504 };

export function statusOf({ code, status }: SemanticError): number {
  return STATUS[code] ?? status;
}

/** Said with those where nothing better is known: clients that are told nothing give up, or come again at once. */
const RETRY_AFTER_SECONDS: Readonly<Record<number, number>> = { 429: 1, 503: 1, 529: 1 };

export function messagesErrorBody(error: SemanticError, requestId: string): object {
  const type = TYPES[statusOf(error)] ?? 'api_error';
  return { type: 'error', error: { type, message: wireMessage(error) }, request_id: requestId };
}

export function replyWithMessagesError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toSemanticError(thrown, request);
  noteFailure(request, thrown);
  const status = statusOf(error);
  const again = error.retryAfterSeconds ?? RETRY_AFTER_SECONDS[status];
  if (again !== undefined) void reply.header('retry-after', String(again));
  void reply.header('request-id', request.id); // also where it was refused at the door
  void reply.code(status).send(messagesErrorBody(error, request.id));
}
