/**
 * Calls that were emitted at once and come back one by one, each with its result behind it, as clients write them down that run a call as
 * soon as it is complete: they become the one answer that they were, with the results behind it.
 */
import type { ConversationMessage } from './conversation.js';
import type { EmittedAnswer, EmittedAnswers } from './emitted-answers.js';

type Saying = Extract<ConversationMessage, { readonly role: 'assistant' }>;

export function regroupCalls(
  conversation: readonly ConversationMessage[],
  emitted: Pick<EmittedAnswers, 'beginningWith'>,
): readonly ConversationMessage[] {
  const grouped: ConversationMessage[] = [];
  for (let at = 0; at < conversation.length;) {
    const message = conversation[at]!;
    const answer = message.role === 'assistant' ? emitted.beginningWith(message.calls[0]) : null;
    const parts = answer === null ? [message] : partsOf(answer, conversation, at);
    grouped.push(...inOne(parts));
    at += parts.length;
  }
  return grouped.length < conversation.length ? grouped : conversation;
}

/** Messages from `at` on up to the last call of `answer`; the first alone where they do not say all of it. */
function partsOf(answer: EmittedAnswer, conversation: readonly ConversationMessage[], at: number): readonly ConversationMessage[] {
  let calls = 0;
  for (let end = at; end < conversation.length; end++) {
    const message = conversation[end]!;
    if (message.role === 'tool') continue;
    if (message.role !== 'assistant' || message.calls.length === 0 || (end > at && message.text !== '')) break;
    if (message.calls.some(({ id }, i) => answer.calls[calls + i]?.id !== id)) break;
    calls += message.calls.length;
    if (calls === answer.calls.length) return conversation.slice(at, end + 1);
  }
  return conversation.slice(at, at + 1);
}

function inOne(parts: readonly ConversationMessage[]): readonly ConversationMessage[] {
  const said = parts.filter((part): part is Saying => part.role === 'assistant');
  if (said.length < 2) return parts;
  return [{ ...said[0]!, calls: said.flatMap(({ calls }) => calls) }, ...parts.filter(({ role }) => role === 'tool')];
}
