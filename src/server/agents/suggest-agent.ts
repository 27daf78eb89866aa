import type { FastifyRequest } from 'fastify';
import { suggest } from '../../adapters/suggest/suggest.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { AgentService } from '../../core/engine/agent-service.js';
import { callerOf } from '../caller.js';

/** An agent that is not there: with the one of the caller's that was probably meant. */
export function suggestAgent(thrown: unknown, request: FastifyRequest, agents: AgentService): unknown {
  if (!(thrown instanceof SemanticError) || thrown.code !== 'AgentNotFound') return thrown;
  const wanted = (request.params as { readonly id?: string }).id ?? (request.body as { readonly agent?: string } | null)?.agent;
  if (wanted === undefined) return thrown;
  const hint = suggest(
    wanted,
    agents.list(callerOf(request)).map(({ id }) => id),
  );
  return hint === null ? thrown : new SemanticError('AgentNotFound', thrown.message, { hint, param: thrown.param ?? 'id', cause: thrown });
}
