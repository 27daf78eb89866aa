/** Items of the output as they grow, and the events that say so: what comes after `output_item.added`, and before `output_item.done`. */
import { isJson } from '../../core/domain/is-json.js';
import { FreeformInput } from './freeform-input.js';
import type { Item } from './items.js';

/** An event before it has its number and the index of its item. */
export interface ItemEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface OpenItem {
  readonly kind: 'message' | 'reasoning' | 'call';
  /** As it stands. */
  item(): Item;
  begin(): readonly ItemEvent[];
  add(piece: string, logprobs: readonly object[]): readonly ItemEvent[];
  /** `isCut`: max_output_tokens ended it. */
  end(isCut: boolean): readonly ItemEvent[];
}

type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export class MessageItem implements OpenItem {
  readonly kind = 'message';
  readonly #logprobs: object[] = [];
  #text: string | null = null;
  #status: ItemStatus = 'in_progress';

  constructor(private readonly id: string) {}

  item(): Item {
    return { id: this.id, type: 'message', status: this.#status, content: this.#text === null ? [] : [this.#part()], role: 'assistant' };
  }

  begin(): readonly ItemEvent[] {
    this.#text = '';
    return [this.#event('response.content_part.added', { part: this.#part() })];
  }

  add(piece: string, logprobs: readonly object[]): readonly ItemEvent[] {
    this.#text += piece;
    this.#logprobs.push(...logprobs);
    return [this.#event('response.output_text.delta', { delta: piece, logprobs })];
  }

  end(isCut: boolean): readonly ItemEvent[] {
    this.#status = isCut ? 'incomplete' : 'completed';
    return [
      this.#event('response.output_text.done', { text: this.#text, logprobs: [...this.#logprobs] }),
      this.#event('response.content_part.done', { part: this.#part() }),
    ];
  }

  #part(): object {
    return { type: 'output_text', annotations: [], logprobs: [...this.#logprobs], text: this.#text };
  }

  #event(type: string, fields: object): ItemEvent {
    return { type, item_id: this.id, content_index: 0, ...fields };
  }
}

/** What was thought, as the summary that was asked for (nobody else sums it up), or as it is. */
export class ReasoningItem implements OpenItem {
  readonly kind = 'reasoning';
  #text: string | null = null;
  #sealed: string | null = null;

  constructor(
    private readonly id: string,
    private readonly options: { readonly isSummary: boolean; readonly seal: ((thinking: string) => string) | null },
  ) {}

  item(): Item {
    const parts = this.#text === null ? [] : [this.#part()];
    const said = this.options.isSummary ? { summary: parts } : { summary: [], content: parts };
    return { id: this.id, type: 'reasoning', ...said, encrypted_content: this.#sealed };
  }

  begin(): readonly ItemEvent[] {
    this.#text = '';
    return [this.#event(this.options.isSummary ? 'reasoning_summary_part.added' : 'content_part.added', { part: this.#part() })];
  }

  add(piece: string): readonly ItemEvent[] {
    this.#text += piece;
    return [this.#event(`${this.#name}.delta`, { delta: piece })];
  }

  end(): readonly ItemEvent[] {
    const { isSummary, seal } = this.options;
    this.#sealed = seal === null ? null : seal(this.#text ?? '');
    return [
      this.#event(`${this.#name}.done`, { text: this.#text }),
      this.#event(isSummary ? 'reasoning_summary_part.done' : 'content_part.done', { part: this.#part() }),
    ];
  }

  get #name(): string {
    return this.options.isSummary ? 'reasoning_summary_text' : 'reasoning_text';
  }

  #part(): object {
    return { type: this.options.isSummary ? 'summary_text' : 'reasoning_text', text: this.#text };
  }

  #event(type: string, fields: object): ItemEvent {
    const index = this.options.isSummary ? { summary_index: 0 } : { content_index: 0 };
    return { type: `response.${type}`, item_id: this.id, ...index, ...fields };
  }
}

export interface CallHead {
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  readonly namespace: string | null;
}

export class FunctionCallItem implements OpenItem {
  readonly kind = 'call';
  #json = '';
  #status: ItemStatus = 'in_progress';

  constructor(private readonly head: CallHead) {}

  item(): Item {
    const { id, callId, name, namespace } = this.head;
    const of = namespace === null ? {} : { namespace };
    return { id, type: 'function_call', status: this.#status, arguments: this.#json, call_id: callId, name, ...of };
  }

  begin(): readonly ItemEvent[] {
    return [];
  }

  add(piece: string): readonly ItemEvent[] {
    this.#json += piece;
    return [{ type: 'response.function_call_arguments.delta', item_id: this.head.id, delta: piece }];
  }

  end(isCut: boolean): readonly ItemEvent[] {
    this.#status = isCut || !isJson(this.#json) ? 'incomplete' : 'completed';
    const { id, name } = this.head;
    return [{ type: 'response.function_call_arguments.done', item_id: id, name, arguments: this.#json }];
  }
}

export class CustomCallItem implements OpenItem {
  readonly kind = 'call';
  readonly #freeform = new FreeformInput();
  #input = '';
  #status: ItemStatus = 'in_progress';

  constructor(private readonly head: CallHead) {}

  item(): Item {
    const { id, callId, name, namespace } = this.head;
    const of = namespace === null ? {} : { namespace };
    return { id, type: 'custom_tool_call', status: this.#status, call_id: callId, name, ...of, input: this.#input };
  }

  begin(): readonly ItemEvent[] {
    return [];
  }

  add(piece: string): readonly ItemEvent[] {
    return this.#say(this.#freeform.push(piece));
  }

  end(isCut: boolean): readonly ItemEvent[] {
    const rest = this.#say(this.#freeform.end());
    this.#status = isCut ? 'incomplete' : 'completed';
    return [...rest, { type: 'response.custom_tool_call_input.done', item_id: this.head.id, input: this.#input }];
  }

  #say(text: string): readonly ItemEvent[] {
    if (text === '') return [];
    this.#input += text;
    return [{ type: 'response.custom_tool_call_input.delta', item_id: this.head.id, delta: text }];
  }
}
