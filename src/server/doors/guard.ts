/** Who may come in over TCP: what is asked of every request before its body is read, in the order it is asked. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KnownKey } from '../../adapters/keys/key-ring.js';
import { LOCAL_SCOPE } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import { apiKeysOf, OwnSocketRequest, scopeOnBehalf } from '../caller.js';
import { assertHost, assertOneHost } from './assert-host.js';
import type { ConnectionLimit } from './connection-limit.js';
import { crossOrigin } from './cross-origin.js';
import { isLoopback } from './loopback.js';
import type { KeyRates } from './key-rates.js';
import { limitRate } from './limit-rate.js';

export interface DoorRules {
  /** What TCP is bound to. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly keysRequired: boolean;
  /** Null for a key that is not on file. */
  readonly keys: { find(secret: string): KnownKey | null; findByHash(start: string): KnownKey | null };
  readonly rates: KeyRates;
  /** Told of every request that was refused for a key that is not on file. */
  readonly onWrongKey?: (request: FastifyRequest) => void;
  readonly connections: ConnectionLimit;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a key: says nothing that is worth one. */
    open?: boolean;
    /** Counts for no limit of a key: watching must go on where asking may not. */
    unlimited?: boolean;
  }
}

/** To be called before any route is there. Who can open the Unix socket is the daemon's own user, and is asked nothing; a key that is shown there has its limits. */
export function guardDoors(app: FastifyInstance, rules: DoorRules): void {
  const names = new Set([rules.host, ...rules.allowedHosts].map((name) => name.replace(/^\[|\]$/g, '').toLowerCase()));
  const origins = new Set(rules.corsOrigins);
  const bindsLoopback = isLoopback(rules.host);

  app.addHook('onRequest', (request, reply, done) => {
    try {
      orClose(reply, () => assertOneHost(request.raw));
      if (request.raw instanceof OwnSocketRequest) {
        const owner = scopeOnBehalf(request);
        if (owner !== null) {
          limitOwner(owner, request, reply, rules);
          return done();
        }
        const shown = knownKeyOf(request, rules);
        if (shown !== null) limitRate(request, reply, shown.key, rules.rates);
        return done();
      }
      orClose(reply, () => rules.connections.assertAdmits(request.raw.socket));
      if (bindsLoopback) assertHost(request.headers.host, names);
      if (crossOrigin(request, reply, origins) === 'answered') return;
      const known = knownKeyOf(request, rules);
      if (known !== null) Object.assign(request, { keyOnFile: known.secret, keyName: known.key.name });
      if (rules.keysRequired && request.routeOptions.config.open !== true) assertKey(request, reply, rules);
      limitRate(request, reply, known?.key ?? null, rules.rates);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/** A job is charged to whose it is. Who has no key on file has no limit but that of strangers, which the door has asked for. */
function limitOwner(scope: string, request: FastifyRequest, reply: FastifyReply, { keys, rates }: DoorRules): void {
  const key = scope === LOCAL_SCOPE ? null : keys.findByHash(scope);
  if (key !== null) limitRate(request, reply, key, rates);
}

function knownKeyOf(request: FastifyRequest, { keys }: DoorRules): { readonly secret: string; readonly key: KnownKey } | null {
  for (const secret of apiKeysOf(request)) {
    const key = keys.find(secret);
    if (key !== null) return { secret, key };
  }
  return null;
}

/** What comes after a request that is refused so is not heard. */
function orClose(reply: FastifyReply, check: () => void): void {
  try {
    check();
  } catch (error) {
    void reply.header('connection', 'close');
    throw error;
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
