/** An agent as a row of the index, and back: its tokens with every model lie one behind another. */
import type { AgentContext } from '../../core/domain/agent.js';
import { joinTokens } from '../../core/domain/join-tokens.js';
import type { StoreRecord } from './records.js';

export type AgentRecord = StoreRecord & { readonly type: 'agent' };

export function agentRecord({ tokens, elsewhere = [], ...agent }: AgentContext): AgentRecord {
  const others = elsewhere.map(({ fingerprint, tokens: { length } }) => ({ fingerprint, length }));
  const all = others.length === 0 ? tokens : joinTokens([tokens, ...elsewhere.map((other) => other.tokens)]);
  return { type: 'agent', agent, ...(others.length === 0 ? {} : { elsewhere: others }), tokens: all };
}

/** With memory of its own. */
export function agentOfRecord({ agent, elsewhere = [], tokens }: AgentRecord): AgentContext {
  let at = tokens.length - elsewhere.reduce((sum, { length }) => sum + length, 0);
  const own = tokens.slice(0, at);
  const others = elsewhere.map(({ fingerprint, length }) => {
    at += length;
    return { fingerprint, tokens: tokens.slice(at - length, at) };
  });
  return { ...agent, tokens: own, ...(others.length === 0 ? {} : { elsewhere: others }) };
}
