/**
 * What browsers may do here. Other clients send no Origin. A page that is not listed gets no header that lets it read an
 * answer, and no answer either: a POST of plain text needs no preflight, would be served, and only its answer be withheld.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SemanticError } from '../../core/domain/errors.js';
import { RATE_HEADERS } from './rate-headers.js';

/** Seconds a browser may remember what a preflight was told. */
const MAX_AGE = 600;

/** `answered`: it was a preflight, and nothing is left to be done. Throws OriginRefused. */
export function crossOrigin(
  { method, headers, protocol }: FastifyRequest,
  reply: FastifyReply,
  allowed: ReadonlySet<string>,
): 'answered' | 'go on' {
  const { origin, host } = headers;
  if (origin === undefined) return 'go on';
  if (!allowed.has(origin)) {
    if (isSameOrigin(origin, protocol, host)) return 'go on';
    throw new SemanticError('OriginRefused', `pages of ${JSON.stringify(origin.slice(0, SHOWN_CHARACTERS))} may not use this server`, {
      hint: 'List the origin in server.cors_origins to let them.',
    });
  }
  // On the raw response: event streams write their heads past Fastify.
  reply.raw.setHeader('access-control-allow-origin', origin);
  reply.raw.setHeader('vary', 'Origin');
  reply.raw.setHeader('access-control-expose-headers', EXPOSED);
  const wanted = headers['access-control-request-method'];
  if (method !== 'OPTIONS' || wanted === undefined) return 'go on';
  reply.raw.setHeader('access-control-allow-methods', 'GET, HEAD, POST, PATCH, DELETE');
  const asked = headers['access-control-request-headers'];
  if (asked !== undefined) reply.raw.setHeader('access-control-allow-headers', asked);
  reply.raw.setHeader('access-control-max-age', String(MAX_AGE));
  void reply.code(204).send();
  return 'answered';
}

const EXPOSED = ['x-request-id', 'request-id', 'retry-after', 'x-semantic-cache', ...RATE_HEADERS].join(', ');
const SHOWN_CHARACTERS = 100;

/** A page that came from this server. Whether it may be called `host` is checked before. */
function isSameOrigin(origin: string, protocol: string, host: string | undefined): boolean {
  return host !== undefined && origin.toLowerCase() === `${protocol}://${host.toLowerCase()}`;
}
