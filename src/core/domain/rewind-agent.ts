/** An agent as it was at an earlier restore point. */
import type { AgentContext, Rewind } from './agent.js';
import { SemanticError } from './errors.js';

/** Messages, tokens and turns are cut; what it has used stays used. Throws InvalidRequest for turns or messages that are not there. */
export function rewindAgent(agent: AgentContext, to: Rewind, now: number): AgentContext {
  const turns = agent.turns.slice(0, 'turns' in to ? turnsBefore(agent, to.turns) : turnsWithin(agent, to.messages));
  const end = turns.at(-1) ?? { messages: 0, tokens: 0 };
  const messages = 'turns' in to ? end.messages : to.messages;
  return {
    ...agent,
    messages: agent.messages.slice(0, messages),
    tokens: agent.tokens.slice(0, end.tokens),
    turns,
    usedAt: now,
    report: null,
  };
}

/** How many restore points are left without the last `turns` turns. */
function turnsBefore({ turns: points }: AgentContext, turns: number): number {
  const creation = points[0]?.tokens === 0 ? 1 : 0;
  assertCount('turns', turns, 1, points.length - creation);
  return points.length - turns;
}

function turnsWithin({ turns, messages: { length } }: AgentContext, messages: number): number {
  assertCount('messages', messages, 0, length);
  return turns.filter((turn) => turn.messages <= messages).length;
}

function assertCount(param: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new SemanticError('InvalidRequest', `[agents.rewind] ${param} wants an integer from ${low} to ${high}, got ${value}`, {
    param,
    hint: high < low ? 'The agent has had no turn yet.' : '`semantic agents show` lists the turns of an agent.',
  });
}
