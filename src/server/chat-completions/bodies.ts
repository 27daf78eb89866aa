/** The JSON of answers and chunks, field by field as clients of this API expect it (wire recordings: every one is needed by somebody). */
import type { ConversationUsage, FinishedAnswer, FinishedConversation } from '../../core/answers/answerer.js';
import type { ToolCall } from '../../core/answers/conversation.js';
import type { TokenLogprob } from '../../core/domain/request.js';
import { logprobBody } from '../generation/logprob-body.js';

export interface AnswerHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  /** Calls are told as they were before there were tools: one, without an id. */
  readonly legacyFunctions: boolean;
}

export interface ChunkChoice {
  readonly index: number;
  readonly delta: object;
  readonly logprobs: readonly TokenLogprob[];
  readonly finishReason: string | null;
}

export function chunkBody(head: AnswerHead, { index, delta, logprobs, finishReason: reason }: ChunkChoice): object {
  const choice = { index, delta, logprobs: logprobs.length === 0 ? null : logprobsBody(logprobs), finish_reason: reason };
  return { ...common(head, 'chat.completion.chunk'), choices: [choice] };
}

export function usageChunk(head: AnswerHead, usage: ConversationUsage): object {
  return { ...common(head, 'chat.completion.chunk'), choices: [], usage: usageBody(usage) };
}

export interface AnsweredChoice {
  readonly finished: FinishedConversation;
  /** Null where none were asked for. */
  readonly logprobs: readonly TokenLogprob[] | null;
}

/** `choices` by their index. */
export function completionBody(head: AnswerHead, choices: readonly AnsweredChoice[]): object {
  return {
    ...common(head, 'chat.completion'),
    choices: choices.map(({ finished, logprobs }, index) => ({
      index,
      message: messageBody(head, finished.answer),
      logprobs: logprobs === null ? null : logprobsBody(logprobs),
      finish_reason: finishReason(head, finished),
    })),
    usage: usageBody(totalUsage(choices.map(({ finished }) => finished.usage))),
  };
}

function messageBody({ legacyFunctions }: AnswerHead, { text, thinking, calls }: FinishedAnswer): object {
  const [first] = calls;
  const called = legacyFunctions ? { function_call: first && functionBody(first) } : { tool_calls: calls.map(toolCallBody) };
  return {
    role: 'assistant',
    content: text === '' && first !== undefined ? null : text,
    refusal: null,
    annotations: [],
    ...(thinking === '' ? {} : { reasoning_content: thinking }),
    ...(first === undefined ? {} : called),
  };
}

function toolCallBody(call: ToolCall): object {
  return { id: call.id, type: 'function', function: functionBody(call) };
}

function functionBody({ name, arguments: json }: ToolCall): object {
  return { name, arguments: json };
}

export function finishReason({ legacyFunctions }: AnswerHead, { reason }: FinishedConversation): string {
  if (reason === 'tool_calls') return legacyFunctions ? 'function_call' : 'tool_calls';
  return reason === 'length' ? 'length' : 'stop';
}

/** The prompt is one, however many answers it has; what was found of it is what the first of them found. */
export function totalUsage(usages: readonly ConversationUsage[]): ConversationUsage {
  const sum = (of: (usage: ConversationUsage) => number): number => usages.reduce((total, usage) => total + of(usage), 0);
  return {
    promptTokens: usages[0]?.promptTokens ?? 0,
    cachedTokens: Math.min(...usages.map(({ cachedTokens }) => cachedTokens)),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    thinkingTokens: sum(({ thinkingTokens }) => thinkingTokens),
  };
}

function common({ id, created, model }: AnswerHead, object: string): object {
  return { id, object, created, model, service_tier: 'default', system_fingerprint: `fp_${model}` };
}

function usageBody({ promptTokens, cachedTokens, completionTokens, thinkingTokens }: ConversationUsage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: thinkingTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function logprobsBody(entries: readonly TokenLogprob[]): object {
  return { content: entries.map(logprobBody), refusal: null };
}
