/**
 * Answers conversations: renders them the way the model family wants them, and tells text, thinking and calls apart in what comes back.
 * Dialects are built on this; none of them knows the engine.
 */
import { agentOwner } from '../domain/agent.js';
import type { CacheReport } from '../domain/cache-report.js';
import type { FinishReason, GenerationRequest, TextGenerator, TokenLogprob, Usage } from '../domain/request.js';
import type { AnswerEvent } from './answer-event.js';
import type { AnswerFormat } from './answer-format.js';
import { forcedCalls, strictCalls } from './bound-calls.js';
import { type CanonicalRules, canonicalText } from './canonical-rules.js';
import type { ConversationMessage, ToolCall, ToolChoice, ToolDefinition } from './conversation.js';
import type { EmittedAnswers } from './emitted-answers.js';

import { AnswerParser } from './parse-answer.js';
import { regroupCalls } from './regroup-calls.js';
import { type TemplateInput, toTemplateInput } from './to-chat-messages.js';

/** What of a conversation the model reads. */
export interface Prompt {
  readonly conversation: readonly ConversationMessage[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  /** Several calls in one answer; only where a call is forced does anything but the model decide that. */
  readonly parallelCalls: boolean;
  /** False asks a model that can to answer without thinking; null leaves it to its template. */
  readonly thinks: boolean | null;
  /** False leaves thinking where the model writes it, in the text, with its marks. */
  readonly tellsThinking?: boolean;
  /** More variables for the chat template. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** The last message, of the assistant, is the beginning of the answer. */
  readonly continuesLast: boolean;
}

type Rendered = 'messages' | 'tools' | 'rewrittenBy' | 'keepSpecialTokens' | 'continuesLast' | 'templateVariables';

export type ConversationRequest = Prompt & Omit<GenerationRequest, Rendered>;

/** In order: queued, started, then pieces, finished. The log-probability of a token comes before what it says. */
export type ConversationEvent =
  | { readonly type: 'queued'; readonly promptTokens: number }
  | { readonly type: 'started'; readonly promptTokens: number; readonly cachedTokens: number; readonly cache: CacheReport }
  | { readonly type: 'text' | 'thinking'; readonly text: string }
  | { readonly type: 'call'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly json: string }
  | { readonly type: 'call_end'; readonly index: number }
  | { readonly type: 'logprob'; readonly logprob: TokenLogprob }
  | FinishedConversation;

export interface FinishedConversation {
  readonly type: 'finished';
  /** `tool_calls`: it ended after calls, which somebody has to answer. */
  readonly reason: FinishReason | 'tool_calls';
  readonly stopString: string | null;
  readonly usage: ConversationUsage;
  readonly answer: FinishedAnswer;
}

export interface ConversationUsage extends Usage {
  /** Of the completion; those spent on thinking. */
  readonly thinkingTokens: number;
}

export interface FinishedAnswer {
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly ToolCall[];
}

export interface AnswererOptions {
  readonly generator: TextGenerator & { countTokens(source: TemplateInput & Pick<GenerationRequest, 'continuesLast'>): Promise<number> };
  readonly format: AnswerFormat;
  /** The chat template renders tools itself. */
  readonly knowsTools: boolean;
  readonly emitted: EmittedAnswers;
  /** Which rules are on. */
  readonly canonical: CanonicalRules;
  /** Of the model. Clients that take it for their vendor's ask for more tokens than it has: they get what there is. */
  readonly contextLength: number;
}

export interface AnswerOptions {
  readonly signal?: AbortSignal;
  /** Ids in the form that the client's dialect gives them. */
  readonly newCallId: () => string;
}

export class Answerer {
  constructor(private readonly options: AnswererOptions) {}

  async *answer(request: ConversationRequest, { signal, newCallId }: AnswerOptions): AsyncGenerator<ConversationEvent, void, undefined> {
    const { generator, emitted } = this.options;
    const { conversation: _, tools: __, toolChoice: ___, parallelCalls: ____, thinks: _____, tellsThinking: ______, ...rest } = request;
    const owner = ownerOf(request);
    await emitted.recall(request.conversation, owner);
    const callable = request.tools.filter(({ isWithdrawn }) => isWithdrawn !== true);
    // What has to be of a form is that from its first character on: neither thinking nor calls can be part of it.
    const isBound = request.toolChoice.type !== 'any' && request.toolChoice.type !== 'tool' && request.constraint !== undefined;
    const own = request.tellsThinking === false || isBound ? { ...this.options.format, thinking: null } : this.options.format;
    const how = { parallel: request.parallelCalls, format: own };
    const forced = forcedCalls(callable, request.toolChoice, how);
    const calls = isBound ? null : (forced ?? strictCalls(callable, request.toolChoice, how));
    const format = calls?.format ?? own;
    const generation: GenerationRequest = {
      ...rest,
      ...this.#rendered(request, forced !== null || isBound),
      maxTokens: rest.maxTokens === null ? null : Math.min(rest.maxTokens, this.options.contextLength),
      keepSpecialTokens: format.keepsSpecialTokens,
      ...(calls === null ? {} : { constraint: calls.constraint }),
    };
    const toolNames = new Set(isBound || request.toolChoice.type === 'none' ? [] : callable.map(({ name }) => name));
    const said = new Gathered(newCallId);
    let parser: AnswerParser | null = null;
    for await (const event of generator.submit(generation, signal === undefined ? {} : { signal })) {
      if (event.type === 'queued') {
        const { promptTokens, promptEnd } = event;
        const startsThinking = format.thinking !== null && promptEnd.trimEnd().endsWith(format.thinking.open);
        parser = new AnswerParser({ format, toolNames, startsThinking });
        yield { type: 'queued', promptTokens };
      } else if (event.type === 'started') {
        yield event;
      } else if (event.type === 'token') {
        if (event.logprob !== null) yield { type: 'logprob', logprob: event.logprob };
        said.raw += event.text;
        yield* said.take(parser!.push(event.text));
      } else {
        yield* said.take(parser!.end());
        const { text, thinking, calls, raw, thinkingTokens } = said;
        emitted.remember({ raw, text, calls }, request.persist === 'disk' ? owner : null);
        const reason = calls.length > 0 && event.reason === 'stop' ? 'tool_calls' : event.reason;
        const usage = { ...event.usage, thinkingTokens };
        yield { type: 'finished', reason, stopString: event.stopString, usage, answer: { text, thinking, calls } };
      }
    }
  }

  /** Tokens that the model would read. */
  async countTokens(prompt: Prompt, asker: Asker): Promise<number> {
    await this.options.emitted.recall(prompt.conversation, ownerOf(asker));
    return this.options.generator.countTokens(this.#rendered(prompt, false));
  }

  #rendered(
    { conversation, tools, toolChoice, thinks, continuesLast, templateVariables }: Prompt,
    /** Its form is given, so that it cannot think first. */
    isGiven: boolean,
  ): TemplateInput & Pick<GenerationRequest, 'continuesLast' | 'templateVariables' | 'rewrittenBy'> {
    const offered = toolChoice.type === 'none' ? [] : tools.filter(({ isToldLater }) => isToldLater !== true);
    const isThinking = isGiven ? false : thinks;
    const whole = regroupCalls(conversation, this.options.emitted);
    const text = canonicalText({ conversation: whole, tools: offered }, this.options.canonical);
    return {
      ...toTemplateInput(text.conversation, text.tools, this.options, this.options.emitted),
      rewrittenBy: text.applied,
      continuesLast,
      templateVariables: { ...templateVariables, ...(isThinking === null ? {} : { enable_thinking: isThinking }) },
    };
  }
}

type Asker = Pick<GenerationRequest, 'agent' | 'scope'>;

/** Under what name calls are kept: of their agent, with which they go, or of its API key. */
function ownerOf({ agent, scope }: Asker): string {
  return agent === undefined ? scope : agentOwner(agent.id);
}

/** What was said so far, and the ids its calls were given. */
class Gathered {
  raw = '';
  text = '';
  thinking = '';
  thinkingTokens = 0;
  readonly calls: { readonly id: string; readonly name: string; arguments: string }[] = [];

  constructor(private readonly newCallId: () => string) {}

  *take(events: readonly AnswerEvent[]): Generator<ConversationEvent, void> {
    if (events.some(({ type }) => type === 'thinking')) this.thinkingTokens += 1;
    for (const event of events) {
      if (event.type === 'call') {
        const id = this.newCallId();
        this.calls.push({ id, name: event.name, arguments: '' });
        yield { ...event, id };
        continue;
      }
      if (event.type === 'arguments') this.calls[event.index]!.arguments += event.json;
      else if (event.type !== 'call_end') this[event.type] += event.text;
      yield event;
    }
  }
}
