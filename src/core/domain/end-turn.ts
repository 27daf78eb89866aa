/** An agent after a turn: question and answer are its own, and there is a new restore point. */
import type { AgentContext } from './agent.js';
import type { CacheReport } from './cache-report.js';
import type { ChatMessage } from './chat-message.js';
import { commonPrefix } from './common-prefix.js';

export interface EndedTurn {
  /** All the agent has now, the answer included. */
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[];
  /** The whole prompt and output of the turn. */
  readonly tokens: Int32Array;
  readonly fingerprint: string;
  readonly completionTokens: number;
  readonly report: CacheReport;
}

/** A template may render earlier turns otherwise than before: their restore points keep the tokens that are still the same. */
export function endTurn(agent: AgentContext, turn: EndedTurn, now: number): AgentContext {
  const { messages, tools, tokens, fingerprint, completionTokens, report } = turn;
  const shared = Math.max(1, commonPrefix(agent.tokens, tokens)); // 0 would be the creation
  const earlier = agent.turns.map((point) => (point.tokens > shared ? { ...point, tokens: shared } : point));
  return {
    ...agent,
    messages,
    tools,
    tokens,
    fingerprint,
    turns: [...earlier, { messages: messages.length, tokens: tokens.length, at: now }],
    usedAt: now,
    totals: {
      promptTokens: agent.totals.promptTokens + report.promptTokens,
      cachedTokens: agent.totals.cachedTokens + report.cachedTokens,
      completionTokens: agent.totals.completionTokens + completionTokens,
    },
    report,
  };
}
