/** An agent as engine and store know it. */
import { type AgentContext, agentOwner } from '../domain/agent.js';
import type { Identity } from './retained-sequences.js';

export function identityOf({ id, scope }: AgentContext): Identity & { readonly sessionId: string } {
  return { scope, sessionId: agentOwner(id) };
}

export function isSameIdentity(a: Identity, b: Identity): boolean {
  return a.scope === b.scope && a.sessionId === b.sessionId;
}
