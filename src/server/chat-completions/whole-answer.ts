/** The events of an answer, all choices of it, as one body. */
import type { ChoiceEvent } from '../../core/answers/answer-choices.js';
import type { FinishedConversation } from '../../core/answers/answerer.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { TokenLogprob } from '../../core/domain/request.js';
import { type AnswerHead, completionBody } from './bodies.js';

export async function wholeAnswer(
  head: AnswerHead,
  events: AsyncIterable<ChoiceEvent>,
  choices: number,
  withLogprobs: boolean,
): Promise<object> {
  const logprobs = Array.from({ length: choices }, (): TokenLogprob[] => []);
  const finished: FinishedConversation[] = [];
  for await (const event of events) {
    if (event.type === 'logprob') logprobs[event.choice]!.push(event.logprob);
    else if (event.type === 'finished') finished[event.choice] = event;
  }
  const answered = logprobs.map((entries, choice) => {
    const end = finished[choice];
    if (end === undefined) throw new SemanticError('Internal', 'the engine ended an answer without finishing it');
    return { finished: end, logprobs: withLogprobs ? entries : null };
  });
  return completionBody(head, answered);
}
