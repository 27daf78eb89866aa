/** Several answers to one request, at once: each from a seed of its own, on the KV of the one prompt. */
import type { GenerationRequest } from '../domain/request.js';
import type { Answerer, AnswerOptions, ConversationEvent, ConversationRequest } from './answerer.js';
import { mergeAnswers } from './merge-answers.js';

/** An event of one of the answers, which are counted from 0. */
export type ChoiceEvent = ConversationEvent & { readonly choice: number };

export function answerChoices(
  answerer: Pick<Answerer, 'answer'>,
  request: ConversationRequest,
  number: number,
  { signal, newCallId }: AnswerOptions,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  return mergeAnswers({
    number,
    start: (choice, ends) => answerer.answer(asChoice(request, choice), { signal: ends, newCallId }),
    signal,
  });
}

/** The first is the one that would be the only one; the others are no turn of anybody's. */
export function asChoice<R extends Pick<GenerationRequest, 'agent' | 'sampling'>>(request: R, choice: number): R {
  if (choice === 0) return request;
  const { agent: _, ...rest } = request;
  const seed = BigInt.asUintN(64, request.sampling.seed + BigInt(choice));
  return { ...(rest as R), sampling: { ...request.sampling, seed } };
}
