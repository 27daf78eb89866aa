/** Who asks, from a request's key and the door it came through. */
import { createHash } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { type Caller, LOCAL_SCOPE } from '../core/domain/agent.js';

/** What the Unix socket's server makes of its requests: only the daemon's own user can open it (mode 0600). */
export class OwnSocketRequest extends IncomingMessage {}

/** Hex digits of a key's SHA-256: enough to tell keys apart, too few to be worth anything. */
const SCOPE_DIGITS = 16;

declare module 'fastify' {
  interface FastifyRequest {
    /** Which of its keys is on file, if one is: found out at the door. */
    keyOnFile?: string | undefined;
    /** Its name. */
    keyName?: string;
  }
}

/** Who may open the socket may ask as somebody else, whose job it runs: it sees what they would. */
const ON_BEHALF = 'x-semantic-scope';
const SCOPE = /^[\w-]{1,64}$/;

export function callerOf(request: FastifyRequest): Caller {
  const behalf = scopeOnBehalf(request);
  if (behalf !== null) return { scope: behalf, seesAll: false };
  const key = request.keyOnFile ?? apiKeysOf(request)[0] ?? null;
  return {
    scope: key === null ? LOCAL_SCOPE : createHash('sha256').update(key).digest('hex').slice(0, SCOPE_DIGITS),
    seesAll: request.raw instanceof OwnSocketRequest,
  };
}

/** Null where the request speaks for itself. Over TCP nobody is believed. */
export function scopeOnBehalf({ raw, headers }: FastifyRequest): string | null {
  const scope = headers[ON_BEHALF];
  return raw instanceof OwnSocketRequest && typeof scope === 'string' && SCOPE.test(scope) ? scope : null;
}

/** A client may bring two: one it was told to use here, and one of its user's that is meant for somebody else. */
export function apiKeysOf({ headers }: FastifyRequest): readonly string[] {
  const own = headers['x-api-key'];
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  return [own, bearer].filter((key): key is string => typeof key === 'string' && key !== '');
}
