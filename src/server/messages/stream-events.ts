/** Conversation events -> the Messages API's, in its exact order: blocks never overlap, and each is opened, filled and closed. */
import type { ConversationEvent } from '../../core/answers/answerer.js';
import { messageBody, type MessageHead, textBlock, thinkingBlock, stopReason, toolUseBlock, usageBody } from './bodies.js';
import type { ThinkingDisplay } from './thinking-display.js';

export interface StreamEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

type Kind = 'text' | 'thinking' | 'tool_use';

export class MessageStream {
  #index = -1;
  #open: Kind | null = null;
  #thinking = '';

  constructor(
    private readonly head: MessageHead,
    private readonly display: ThinkingDisplay,
    private readonly maxTokens: number,
  ) {}

  *take(event: ConversationEvent): Generator<StreamEvent, void> {
    if (event.type === 'started') {
      const usage = { promptTokens: event.promptTokens, cachedTokens: event.cachedTokens, completionTokens: 1, thinkingTokens: 0 };
      yield { type: 'message_start', message: messageBody(this.head, [], usage, null) };
      yield { type: 'ping' };
    } else if (event.type === 'text') {
      if (this.#open !== 'text') yield* this.#start('text', textBlock(''));
      yield this.#delta({ type: 'text_delta', text: event.text });
    } else if (event.type === 'thinking') {
      if (this.#open !== 'thinking') yield* this.#start('thinking', thinkingBlock('', ''));
      this.#thinking += event.text;
      const shown = this.display.shown(event.text);
      if (shown !== null) yield this.#delta({ type: 'thinking_delta', thinking: shown });
    } else if (event.type === 'call') {
      yield* this.#start('tool_use', toolUseBlock(event.id, event.name, {}));
      yield this.#delta({ type: 'input_json_delta', partial_json: '' });
    } else if (event.type === 'arguments') {
      yield this.#delta({ type: 'input_json_delta', partial_json: event.json });
    } else if (event.type === 'call_end') {
      yield* this.#stop();
    } else if (event.type === 'finished') {
      yield* this.#stop();
      const { cache_creation: _, service_tier: __, inference_geo: ___, speed: ____, ...usage } = usageBody(event.usage);
      const stop_reason = stopReason({ ...event, maxTokens: this.maxTokens });
      const delta = { stop_reason, stop_sequence: event.stopString, container: null, stop_details: null };
      yield { type: 'message_delta', delta, usage };
      yield { type: 'message_stop' };
    }
  }

  *#start(kind: Kind, block: object): Generator<StreamEvent, void> {
    yield* this.#stop();
    this.#index += 1;
    this.#open = kind;
    yield { type: 'content_block_start', index: this.#index, content_block: block };
  }

  *#stop(): Generator<StreamEvent, void> {
    if (this.#open === null) return;
    if (this.#open === 'thinking') {
      yield this.#delta({ type: 'signature_delta', signature: this.display.signature(this.#thinking) });
      this.#thinking = '';
    }
    this.#open = null;
    yield { type: 'content_block_stop', index: this.#index };
  }

  #delta(delta: object): StreamEvent {
    return { type: 'content_block_delta', index: this.#index, delta };
  }
}
