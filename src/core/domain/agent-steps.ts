/** The turns of an agent one by one, from what is stored of it: its messages, its ids, and how each turn went. */
import type { AgentContext, AgentTurn } from './agent.js';
import type { ChatMessage } from './chat-message.js';

export interface StepTokens {
  readonly turn: AgentTurn;
  /** New with it: what came in, and the answer. */
  readonly added: readonly ChatMessage[];
  /** Ids that were read behind those of the turn before; null where they are not known any more. */
  readonly read: Int32Array | null;
  readonly written: Int32Array | null;
}

/**
 * Ids are of the last turn's whole prompt and output: where a template renders an earlier turn otherwise by now, or its answer came back in
 * another form, those of the earlier one are gone.
 */
export function stepsOf({ turns, messages, tokens }: AgentContext): StepTokens[] {
  return turns.map((turn, i) => {
    const before = turns[i - 1] ?? { messages: 0, tokens: 0 };
    const added = messages.slice(before.messages, turn.messages);
    const { told } = turn;
    const total = told === undefined ? null : told.cache.promptTokens + told.completionTokens;
    if (told === undefined || total !== turn.tokens || turn.tokens > tokens.length) return { turn, added, read: null, written: null };
    const end = told.cache.promptTokens;
    return { turn, added, read: tokens.subarray(Math.min(before.tokens, end), end), written: tokens.subarray(end, turn.tokens) };
  });
}
