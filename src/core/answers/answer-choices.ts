/** Several answers to one request, at once: each from a seed of its own, on the KV of the one prompt. */
import type { Answerer, AnswerOptions, ConversationEvent, ConversationRequest } from './answerer.js';

/** An event of one of the answers, which are counted from 0. */
export type ChoiceEvent = ConversationEvent & { readonly choice: number };

/** Nothing is said before all are queued: what is wrong is thrown first, and if one fails none goes on. */
export async function* answerChoices(
  answerer: Pick<Answerer, 'answer'>,
  request: ConversationRequest,
  number: number,
  { signal, newCallId }: AnswerOptions,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const over = new AbortController();
  const options = { signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]), newCallId };
  const answers = Array.from({ length: number }, (_, choice) => answerer.answer(seeded(request, choice), options));
  try {
    const queued = await Promise.all(answers.map((answer) => answer.next()));
    const first = queued[0]?.value;
    if (first !== undefined) yield { ...first, choice: 0 };
    yield* merged(answers);
  } finally {
    over.abort();
    await Promise.allSettled(answers.map((answer) => answer.return()));
  }
}

/** As they come; an answer is asked for its next event when the last one is taken. */
async function* merged(
  answers: readonly AsyncGenerator<ConversationEvent, void, undefined>[],
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const come: { readonly choice: number; readonly result: Promise<IteratorResult<ConversationEvent, void>> }[] = [];
  let wake = (): void => undefined;
  const ask = (choice: number): void => {
    const result = answers[choice]!.next();
    const arrive = (): void => {
      come.push({ choice, result });
      wake();
    };
    result.then(arrive, arrive);
  };
  answers.forEach((_, choice) => ask(choice));
  for (let open = answers.length; open > 0;) {
    const next = come.shift();
    if (next === undefined) {
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    const { value, done } = await next.result;
    if (done === true) {
      open -= 1;
      continue;
    }
    ask(next.choice);
    yield { ...value, choice: next.choice };
  }
}

/** The first is the one that would be the only one; the others are no turn of anybody's. */
function seeded(request: ConversationRequest, choice: number): ConversationRequest {
  if (choice === 0) return request;
  const { agent: _, sampling, ...rest } = request;
  return { ...rest, sampling: { ...sampling, seed: BigInt.asUintN(64, sampling.seed + BigInt(choice)) } };
}
