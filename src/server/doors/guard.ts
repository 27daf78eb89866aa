/** Who may come in over TCP: what is asked of every request before its body is read, in the order it is asked. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SemanticError } from '../../core/domain/errors.js';
import { apiKeysOf, OwnSocketRequest } from '../caller.js';
import { assertHost } from './assert-host.js';
import type { ConnectionLimit } from './connection-limit.js';
import { crossOrigin } from './cross-origin.js';
import { isLoopback } from './loopback.js';

export interface DoorRules {
  /** What TCP is bound to. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly keysRequired: boolean;
  /** The name of a key; null for one that is not on file. */
  readonly keys: { nameOf(secret: string): string | null };
  /** Told of every request that was refused for a key that is not on file. */
  readonly onWrongKey?: (request: FastifyRequest) => void;
  readonly connections: ConnectionLimit;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a key: says nothing that is worth one. */
    open?: boolean;
  }
}

/** To be called before any route is there. Who can open the Unix socket is the daemon's own user, and is asked nothing. */
export function guardDoors(app: FastifyInstance, rules: DoorRules): void {
  const names = new Set([rules.host, ...rules.allowedHosts].map((name) => name.replace(/^\[|\]$/g, '').toLowerCase()));
  const origins = new Set(rules.corsOrigins);
  const bindsLoopback = isLoopback(rules.host);

  app.addHook('onRequest', (request, reply, done) => {
    if (request.raw instanceof OwnSocketRequest) return done();
    try {
      admitConnection(request, reply, rules.connections);
      if (bindsLoopback) assertHost(request.headers.host, names);
      if (crossOrigin(request, reply, origins) === 'answered') return;
      findKey(request, rules);
      if (rules.keysRequired && request.routeOptions.config.open !== true) assertKey(request, reply, rules);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

function admitConnection(request: FastifyRequest, reply: FastifyReply, connections: ConnectionLimit): void {
  try {
    connections.assertAdmits(request.raw.socket);
  } catch (error) {
    void reply.header('connection', 'close');
    throw error;
  }
}

function findKey(request: FastifyRequest, { keys }: DoorRules): void {
  for (const key of apiKeysOf(request)) {
    const name = keys.nameOf(key);
    if (name === null) continue;
    request.keyOnFile = key;
    request.keyName = name;
    return;
  }
}

function assertKey(request: FastifyRequest, reply: FastifyReply, { onWrongKey }: DoorRules): void {
  if (request.keyOnFile !== undefined) return;
  void reply.header('www-authenticate', 'Bearer');
  const hasNone = apiKeysOf(request).length === 0;
  if (!hasNone) onWrongKey?.(request);
  const got = hasNone ? 'the request has none' : 'the one it has is not on file, or not any more';
  throw new SemanticError('Unauthenticated', `an API key is needed, and ${got}`, {
    hint: 'Send one as `Authorization: Bearer` or `x-api-key`; `semantic keys add` on the machine of the server makes one.',
  });
}
