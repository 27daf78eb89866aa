/** Conversation events -> chunks. The log-probability of a token comes with the text it belongs to, or the next there is. */
import type { ChoiceEvent } from '../../core/answers/answer-choices.js';
import type { ConversationEvent, ConversationUsage } from '../../core/answers/answerer.js';
import type { TokenLogprob } from '../../core/domain/request.js';
import { type AnswerHead, chunkBody, finishReason, totalUsage, usageChunk } from './bodies.js';

export class ChatStream {
  /** By choice: those of tokens whose text is still to come. */
  readonly #logprobs = new Map<number, TokenLogprob[]>();
  readonly #usages: ConversationUsage[] = [];

  constructor(
    private readonly head: AnswerHead,
    private readonly includeUsage: boolean,
  ) {}

  *take(event: ChoiceEvent): Generator<object, void> {
    const { choice } = event;
    if (event.type === 'logprob') {
      this.#logprobs.set(choice, [...(this.#logprobs.get(choice) ?? []), event.logprob]);
    } else if (event.type === 'finished') {
      yield this.#chunk(choice, {}, finishReason(this.head, event));
      this.#usages.push(event.usage);
    } else {
      const delta = this.#delta(event);
      if (delta !== null) yield this.#chunk(choice, delta, null);
    }
  }

  /** When all choices are finished. */
  *end(): Generator<object, void> {
    if (this.includeUsage) yield usageChunk(this.head, totalUsage(this.#usages));
  }

  /** Null where the event is nothing to tell. */
  #delta(event: Exclude<ConversationEvent, { readonly type: 'logprob' | 'finished' }>): object | null {
    switch (event.type) {
      case 'started':
        return { role: 'assistant', content: '', refusal: null };
      case 'text':
        return { content: event.text };
      case 'thinking':
        return { reasoning_content: event.text };
      case 'call':
        return this.#call(event.index, { name: event.name, arguments: '' }, event.id);
      case 'arguments':
        return this.#call(event.index, { arguments: event.json }, null);
      case 'queued':
      case 'call_end':
        return null;
    }
  }

  #call(index: number, part: { readonly name?: string; readonly arguments: string }, id: string | null): object | null {
    if (this.head.legacyFunctions) return index === 0 ? { function_call: part } : null;
    return { tool_calls: [{ index, ...(id === null ? {} : { id, type: 'function' }), function: part }] };
  }

  #chunk(index: number, delta: object, reason: string | null): object {
    const logprobs = this.#logprobs.get(index) ?? [];
    this.#logprobs.delete(index);
    const chunk = chunkBody(this.head, { index, delta, logprobs, finishReason: reason });
    return this.includeUsage ? { ...chunk, usage: null } : chunk;
  }
}
