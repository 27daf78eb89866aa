/** An agent that has had no turn yet. */
import type { AgentContext } from './agent.js';

export const NO_TOTALS: AgentContext['totals'] = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

type Given = Pick<AgentContext, 'id' | 'scope' | 'parent' | 'client' | 'policy' | 'fingerprint' | 'messages' | 'tools'>;

/** `messages` and `tools` are what its first turn begins with. */
export function newAgent(given: Given, now: number): AgentContext {
  const { length } = given.messages;
  return {
    ...given,
    createdAt: now,
    usedAt: now,
    tokens: new Int32Array(0),
    turns: length === 0 ? [] : [{ messages: length, tokens: 0, at: now }],
    totals: NO_TOTALS,
    report: null,
  };
}
