/**
 * Conversation events -> those of the Responses API, in their exact order: items never overlap, each is added, filled and done, and numbers
 * only grow. The Response object is kept beside them, so that it is what they add up to, streamed or not.
 */
import type { ConversationEvent } from '../../core/answers/answerer.js';
import type { SemanticError } from '../../core/domain/errors.js';
import { logprobBody } from '../generation/logprob-body.js';
import { type Item, itemId } from './items.js';
import { CustomCallItem, FunctionCallItem, type ItemEvent, MessageItem, type OpenItem, ReasoningItem } from './output-items.js';
import { failureBody, type ResponseBody, type ResponseStatus, usageBody } from './response-body.js';
import type { OfferedTools } from './tools.js';

export interface StreamEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

export interface ResponseStreamOptions {
  /** Of `responseHead`. */
  readonly head: object;
  readonly id: string;
  readonly tools: OfferedTools;
  /** What is thought is shown as a summary. */
  readonly isSummary: boolean;
  /** Null where `encrypted_content` was not asked for. */
  readonly seal: ((thinking: string) => string) | null;
  readonly logprobs: boolean;
  /** Its client is not waiting: it is told when it is its turn. */
  readonly isQueued: boolean;
  readonly now: () => number; // ms since 1970
}

export class ResponseStream {
  readonly #done: Item[] = [];
  #open: OpenItem | null = null;
  #number = 0;
  #status: ResponseStatus;
  #ending: object = {};
  /** Of tokens whose text has not come yet. */
  #logprobs: object[] = [];

  constructor(private readonly options: ResponseStreamOptions) {
    this.#status = options.isQueued ? 'queued' : 'in_progress';
  }

  get id(): string {
    return this.options.id;
  }

  get isOver(): boolean {
    return this.#status !== 'in_progress' && this.#status !== 'queued';
  }

  /** The Response object as it stands. */
  response(): ResponseBody {
    const output = this.#open === null ? [...this.#done] : [...this.#done, this.#open.item()];
    return { ...this.options.head, ...this.#ending, id: this.options.id, status: this.#status, output };
  }

  *begin(): Generator<StreamEvent, void> {
    yield this.#lifecycle('created');
    yield this.goesOn();
  }

  /** `response.in_progress` (or `queued`), which may come again: clients count silence, and comments are silence to some. */
  goesOn(): StreamEvent {
    return this.#lifecycle(this.#status);
  }

  *take(event: ConversationEvent): Generator<StreamEvent, void> {
    if (this.isOver) return;
    if (event.type === 'started' && this.#status === 'queued') {
      this.#status = 'in_progress';
      yield this.goesOn();
    } else if (event.type === 'logprob') {
      if (this.options.logprobs) this.#logprobs.push(logprobBody(event.logprob));
    } else if (event.type === 'text') {
      const logprobs = this.#logprobs;
      this.#logprobs = [];
      if (this.#open?.kind !== 'message') yield* this.#start('message', (id) => new MessageItem(id));
      yield* this.#numbered(this.#open!.add(event.text, logprobs));
    } else if (event.type === 'thinking') {
      this.#logprobs = [];
      if (this.#open?.kind !== 'reasoning') yield* this.#start('reasoning', (id) => new ReasoningItem(id, this.options));
      yield* this.#numbered(this.#open!.add(event.text, []));
    } else if (event.type === 'call') {
      const tool = this.options.tools.called(event.name);
      const head = { callId: event.id, name: tool?.name ?? event.name, namespace: tool?.namespace ?? null };
      const isCustom = tool?.kind === 'custom';
      yield* this.#start(isCustom ? 'custom_tool_call' : 'function_call', (id) =>
        isCustom ? new CustomCallItem({ ...head, id }) : new FunctionCallItem({ ...head, id }),
      );
    } else if (event.type === 'arguments') {
      this.#logprobs = [];
      if (this.#open?.kind === 'call') yield* this.#numbered(this.#open.add(event.json, []));
    } else if (event.type === 'call_end') {
      yield* this.#end(false);
    } else if (event.type === 'finished') {
      const isCut = event.reason === 'length';
      yield* this.#end(isCut);
      const completed_at = Math.floor(this.options.now() / 1000);
      const incomplete_details = isCut ? { reason: 'max_output_tokens' } : null;
      this.#ending = { completed_at: isCut ? null : completed_at, incomplete_details, usage: usageBody(event.usage) };
      this.#status = isCut ? 'incomplete' : 'completed';
      yield this.#lifecycle(this.#status);
    }
  }

  /** Something broke: what was said stands as it is. */
  *fail(error: SemanticError): Generator<StreamEvent, void> {
    if (this.isOver) return;
    yield* this.#end(true);
    this.#ending = { error: failureBody(error) };
    this.#status = 'failed';
    yield this.#lifecycle('failed');
  }

  /** Its client wants no more of it. The API has no event of that name. */
  *cancel(): Generator<StreamEvent, void> {
    if (this.isOver) return;
    yield* this.#end(true);
    this.#status = 'cancelled';
    yield this.#lifecycle('incomplete');
  }

  *#start(type: string, make: (id: string) => OpenItem): Generator<StreamEvent, void> {
    yield* this.#end(false);
    const open = make(itemId(type, this.options.id, 'o', this.#done.length));
    this.#open = open;
    yield this.#indexed({ type: 'response.output_item.added', item: open.item() });
    yield* this.#numbered(open.begin());
  }

  *#end(isCut: boolean): Generator<StreamEvent, void> {
    const open = this.#open;
    if (open === null) return;
    yield* this.#numbered(open.end(isCut));
    const done = this.#indexed({ type: 'response.output_item.done', item: open.item() });
    this.#done.push(open.item());
    this.#open = null;
    yield done;
  }

  *#numbered(events: readonly ItemEvent[]): Generator<StreamEvent, void> {
    for (const event of events) yield this.#indexed(event);
  }

  #indexed(event: ItemEvent): StreamEvent {
    const { type, ...fields } = event;
    return { type, sequence_number: this.#number++, output_index: this.#done.length, ...fields };
  }

  #lifecycle(what: string): StreamEvent {
    return { type: `response.${what}`, sequence_number: this.#number++, response: this.response() };
  }
}
