/** An agent after a turn: question and answer are its own, and there is a new restore point. */
import type { AgentContext, TokensElsewhere } from './agent.js';
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

/**
 * A template may render earlier turns otherwise than before: their restore points keep the tokens that are still the same. Those of turns
 * that are not in the conversation any more go.
 */
export function endTurn(agent: AgentContext, turn: EndedTurn, now: number): AgentContext {
  const { messages, tools, tokens, fingerprint, completionTokens, report } = turn;
  const shared = Math.max(1, commonPrefix(agent.tokens, tokens)); // 0 would be the creation
  const same = sameMessages(agent.messages, messages);
  const earlier = agent.turns
    .filter((point) => point.messages - 1 <= same && point.messages < messages.length) // its answer may come back in another form
    .map((point) => (point.tokens > shared ? { ...point, tokens: shared } : point));
  return {
    ...agent,
    messages,
    tools,
    tokens,
    fingerprint,
    ...elsewhereOf(agent, fingerprint),
    turns: [...earlier, { messages: messages.length, tokens: tokens.length, at: now, told: { cache: report, completionTokens } }],
    usedAt: now,
    totals: {
      promptTokens: agent.totals.promptTokens + report.promptTokens,
      cachedTokens: agent.totals.cachedTokens + report.cachedTokens,
      completionTokens: agent.totals.completionTokens + completionTokens,
    },
    report,
  };
}

/** Other models that an agent remembers its tokens of. */
const MAX_ELSEWHERE = 3;

function elsewhereOf(agent: AgentContext, fingerprint: string): Pick<AgentContext, 'elsewhere'> {
  const before: TokensElsewhere[] = agent.tokens.length === 0 ? [] : [{ fingerprint: agent.fingerprint, tokens: agent.tokens }];
  const elsewhere = [...before, ...(agent.elsewhere ?? [])].filter((other) => other.fingerprint !== fingerprint).slice(0, MAX_ELSEWHERE);
  return elsewhere.length === 0 ? {} : { elsewhere };
}

/** How many messages both begin with. */
function sameMessages(a: readonly ChatMessage[], b: readonly ChatMessage[]): number {
  const first = a.findIndex((message, i) => message !== b[i] && JSON.stringify(message) !== JSON.stringify(b[i]));
  return first < 0 ? a.length : first;
}
