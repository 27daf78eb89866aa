/** Errors as the Messages API spells them; clients decide by status and type whether to try again. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SemanticError } from '../../core/domain/errors.js';
import { toSemanticError } from '../error-reply.js';

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'invalid_request_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** A full queue is the vendor's 529; a limit of the caller's own key stays 429. */
export function statusOf({ code, status }: SemanticError): number {
  return code === 'Overloaded' ? 529 : status;
}

export function messagesErrorBody(error: SemanticError, requestId: string): object {
  const { code, hint } = error;
  // The text of PromptTooLong is one that clients match: nothing is added to it.
  const message = hint === undefined || code === 'PromptTooLong' ? error.message : `${error.message} ${hint}`;
  return { type: 'error', error: { type: TYPES[statusOf(error)] ?? 'api_error', message }, request_id: requestId };
}

export function replyWithMessagesError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toSemanticError(thrown);
  if (error.status >= 500) request.log.error({ err: thrown }, error.message);
  else request.log.info({ code: error.code }, error.message);
  void reply.header('request-id', request.id); // also where it was refused at the door
  if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', String(error.retryAfterSeconds));
  void reply.code(statusOf(error)).send(messagesErrorBody(error, request.id));
}
