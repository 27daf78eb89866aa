/** What became of each answer of a completion: its pieces as they come, and all of them in the end. */
import { SemanticError } from '../../core/domain/errors.js';
import type { EngineEvent, TokenLogprob, Usage } from '../../core/domain/request.js';
import { completionBody, type CompletionChoice, type CompletionHead, usageBody } from './bodies.js';
import { TokenLogprobs } from './token-logprobs.js';

export type CompletionEvent = EngineEvent & { readonly choice: number };

export interface AnswersForm {
  readonly head: CompletionHead;
  /** Answers of each prompt; those of a prompt follow one another. */
  readonly choices: number;
  readonly logprobs: boolean;
  /** By prompt. */
  readonly echoes: readonly string[];
}

/** Events -> chunks. */
export class CompletionStream {
  readonly #logprobs = new Map<number, TokenLogprobs>();
  readonly #usages: Usage[] = [];

  constructor(
    private readonly form: AnswersForm,
    private readonly includeUsage: boolean,
  ) {}

  *take(event: CompletionEvent): Generator<object, void> {
    const { choice } = event;
    if (event.type === 'started') {
      const echo = this.form.echoes[Math.floor(choice / this.form.choices)] ?? '';
      if (echo !== '') yield this.#chunk({ index: choice, text: echo, logprobs: null, reason: null });
    } else if (event.type === 'token') {
      const logprobs = event.logprob === null ? null : this.#listOf(choice).list([event.logprob]);
      yield this.#chunk({ index: choice, text: event.text, logprobs, reason: null });
    } else if (event.type === 'finished') {
      this.#usages[choice] = event.usage;
      yield this.#chunk({ index: choice, text: '', logprobs: null, reason: event.reason });
    }
  }

  /** When all answers are finished. */
  *end(): Generator<object, void> {
    if (this.includeUsage) yield { ...completionBody(this.form.head, []), usage: usageBody(byPrompt(this.#usages, this.form.choices)) };
  }

  #listOf(choice: number): TokenLogprobs {
    const list = this.#logprobs.get(choice) ?? new TokenLogprobs();
    this.#logprobs.set(choice, list);
    return list;
  }

  #chunk(choice: CompletionChoice): object {
    const chunk = completionBody(this.form.head, [choice]);
    return this.includeUsage ? { ...chunk, usage: null } : chunk;
  }
}

export async function wholeCompletion(form: AnswersForm, events: AsyncIterable<CompletionEvent>): Promise<object> {
  const { choices, echoes, head, logprobs } = form;
  const answers = echoes.flatMap((echo) =>
    Array.from({ length: choices }, () => ({ text: echo, entries: [] as TokenLogprob[], end: null as Ending | null })),
  );
  for await (const event of events) {
    const answer = answers[event.choice]!;
    if (event.type === 'token') {
      answer.text += event.text;
      if (event.logprob !== null) answer.entries.push(event.logprob);
    } else if (event.type === 'finished') answer.end = event;
  }
  const ends = answers.map(({ end }) => {
    if (end === null) throw new SemanticError('Internal', 'the engine ended an answer without finishing it');
    return end;
  });
  const listed = answers.map(({ text, entries }, index) => ({
    index,
    text,
    logprobs: logprobs ? new TokenLogprobs().list(entries) : null,
    reason: ends[index]!.reason,
  }));
  const usages = ends.map(({ usage }) => usage);
  return { ...completionBody(head, listed), usage: usageBody(byPrompt(usages, choices)) };
}

type Ending = Extract<EngineEvent, { readonly type: 'finished' }>;

function byPrompt(usages: readonly Usage[], choices: number): Usage[][] {
  return Array.from({ length: usages.length / choices }, (_, prompt) => usages.slice(prompt * choices, (prompt + 1) * choices));
}
