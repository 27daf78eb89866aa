/** Refuses a request of a key that has used up its minute, before its body is read, and says in every reply what is left. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownKey } from '../../adapters/keys/key-ring.js';
import { SemanticError } from '../../core/domain/errors.js';
import { speaksMessages } from '../messages/speaks-messages.js';
import type { KeyRates } from './key-rates.js';
import { rateHeaders } from './rate-headers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Takes tokens that were computed for it from the budget of its key; absent where those are not limited. */
    chargeTokens?: (tokens: number) => void;
  }
}

/** `key`: null where none on file was shown. Throws RateLimited. */
export function limitRate(request: FastifyRequest, reply: FastifyReply, key: KnownKey | null, rates: KeyRates): void {
  if (request.routeOptions.config.unlimited === true) return;
  const now = rates.now();
  const { requests, tokens } = rates.budgetOf(key);
  const waitMs = Math.max(requests?.openInMs(now) ?? 0, tokens?.openInMs(now) ?? 0);
  if (waitMs === 0) requests?.take(1, now);
  void reply.headers(rateHeaders({ requests, tokens }, now, speaksMessages(request) ? 'messages' : 'openai'));
  if (waitMs > 0) {
    rates.refused();
    const isOfTokens = (tokens?.openInMs(now) ?? 0) === waitMs;
    throw refusal(key, isOfTokens ? `${tokens!.perMinute} tokens` : `${requests!.perMinute} requests`, waitMs);
  }
  if (tokens !== null) request.chargeTokens = (used) => tokens.take(used, rates.now());
}

function refusal(key: KnownKey | null, what: string, waitMs: number): SemanticError {
  const seconds = Math.ceil(waitMs / 1000);
  const who = key === null ? 'requests without a key on file have' : `the API key ${key.name} has`;
  return new SemanticError('RateLimited', `${who} used the ${what} of a minute`, {
    retryAfterSeconds: seconds,
    hint: `Try again in ${seconds} s.`,
  });
}
