/** Any error as the OpenAI dialect spells it: status, headers and `{error: {message, type, param, code}}`. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { OwnSocketRequest } from './caller.js';
import { dialectCode } from '../core/domain/dialect-code.js';
import { SemanticError } from '../core/domain/errors.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What ended it, the first where there were several; `request-line.ts` writes it down. */
    failure?: unknown;
  }
}

/** For the line that the request leaves in the log. */
export function noteFailure(request: FastifyRequest, thrown: unknown): void {
  request.failure ??= thrown;
}

export interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
}

export function errorBody(error: SemanticError): ErrorBody {
  const { code, param } = error;
  return { error: { message: wireMessage(error), type: errorType(error.status), param: param ?? null, code: dialectCode(code) } };
}

/** What is wrong and what to do, in every dialect. The text of PromptTooLong is one that clients match: nothing is added to it. */
export function wireMessage({ code, hint, message }: SemanticError): string {
  return hint === undefined || code === 'PromptTooLong' ? message : `${message} ${hint}`;
}

function errorType(status: number): string {
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** Fastify's own errors and unforeseen ones become rows of the table too. What nobody foresaw may name files: it is for the log alone. */
export function toSemanticError(thrown: unknown, request: FastifyRequest | null): SemanticError {
  const error = rowOf(thrown);
  return request?.raw instanceof OwnSocketRequest ? error : withoutFolders(error);
}

/** Where something broke here, others are told which file it is, and only the daemon's own user where it lies. */
function withoutFolders(error: SemanticError): SemanticError {
  const message = error.status < 500 ? error.message : error.message.replaceAll(FOLDERS, '');
  if (message === error.message) return error;
  const { code, hint, param, retryAfterSeconds } = error;
  return new SemanticError(code, message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(param === undefined ? {} : { param }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Of absolute paths. */
const FOLDERS = /(?<![^\s'"`(=:,])\/(?:[^\s'"`/]+\/)+/g;

function rowOf(error: unknown): SemanticError {
  if (error instanceof SemanticError) return error;
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode < 500)
    return new SemanticError('InvalidRequest', message ?? 'malformed request', { cause: error });
  return new SemanticError('Internal', 'an unexpected error; the log of the daemon has it under the x-request-id of this answer', {
    cause: error,
  });
}

export function replyWithError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toSemanticError(thrown, request);
  noteFailure(request, thrown);
  if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', String(error.retryAfterSeconds));
  void reply.code(error.status).send(errorBody(error));
}
