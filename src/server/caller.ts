/** Who asks, from a request's key and the door it came through. */
import { createHash } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { type Caller, LOCAL_SCOPE } from '../core/domain/agent.js';

/** What the Unix socket's server makes of its requests: only the daemon's own user can open it (mode 0600). */
export class OwnSocketRequest extends IncomingMessage {}

/** Hex digits of a key's SHA-256: enough to tell keys apart, too few to be worth anything. */
const SCOPE_DIGITS = 16;

export function callerOf(request: FastifyRequest): Caller {
  const key = apiKey(request);
  return {
    scope: key === null ? LOCAL_SCOPE : createHash('sha256').update(key).digest('hex').slice(0, SCOPE_DIGITS),
    seesAll: request.raw instanceof OwnSocketRequest,
  };
}

function apiKey({ headers }: FastifyRequest): string | null {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  return bearer ?? null;
}
