/** Answers that are computed at once, as one sequence of events. */
export interface MergeOptions<E> {
  readonly number: number;
  readonly start: (choice: number, signal: AbortSignal) => AsyncIterable<E>;
  /** Ends them all. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Their events, each with the number of its answer, counted from 0. Of the first events only one is told, and not before all have come:
 * what is wrong with any is thrown first. If one fails none goes on.
 */
export async function* mergeAnswers<E extends object>({
  number,
  start,
  signal,
}: MergeOptions<E>): AsyncGenerator<E & { readonly choice: number }, void, undefined> {
  const over = new AbortController();
  const ends = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  const answers = Array.from({ length: number }, (_, choice) => start(choice, ends)[Symbol.asyncIterator]());
  try {
    const firsts = await Promise.all(answers.map((answer) => answer.next()));
    const [first] = firsts;
    if (first !== undefined && first.done !== true) yield { ...first.value, choice: 0 };
    yield* asTheyCome(answers);
  } finally {
    over.abort();
    await Promise.allSettled(answers.map(async (answer) => answer.return?.()));
  }
}

/** An answer is asked for its next event when the last one is taken. */
async function* asTheyCome<E extends object>(
  answers: readonly AsyncIterator<E, unknown>[],
): AsyncGenerator<E & { readonly choice: number }, void, undefined> {
  const come: { readonly choice: number; readonly result: Promise<IteratorResult<E, unknown>> }[] = [];
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
    const { choice } = next;
    const result = await next.result;
    if (result.done === true) {
      open -= 1;
      continue;
    }
    ask(choice);
    yield { ...result.value, choice };
  }
}
