/** The JSON of the Messages API, field by field as its clients expect it (wire recordings: every one is needed by somebody). */
import type { ConversationUsage, FinishedAnswer } from '../../core/answers/answerer.js';
import type { FinishReason, Usage } from '../../core/domain/request.js';
import type { ThinkingDisplay } from './thinking-display.js';

export interface MessageHead {
  readonly id: string;
  readonly model: string;
}

export type StopReason = 'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use' | 'model_context_window_exceeded';

/** An answer that ended for its length before it had `maxTokens` had no more room. */
export function stopReason({ reason, usage, maxTokens }: Ending): StopReason {
  if (reason === 'length') return usage.completionTokens < maxTokens ? 'model_context_window_exceeded' : 'max_tokens';
  return ({ stop: 'end_turn', tool_calls: 'tool_use', stop_string: 'stop_sequence' } as const)[reason];
}

export interface UsageBody {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation: { readonly ephemeral_5m_input_tokens: number; readonly ephemeral_1h_input_tokens: number };
  readonly output_tokens: number;
  readonly service_tier: 'standard';
  readonly inference_geo: null;
  readonly output_tokens_details: { readonly thinking_tokens: number } | null;
  readonly server_tool_use: null;
  readonly speed: null;
}

/** `input_tokens` are those that were neither found nor kept: clients add the three up. */
export function usageBody({ promptTokens, cachedTokens, completionTokens, thinkingTokens }: ConversationUsage): UsageBody {
  return {
    input_tokens: 0,
    cache_creation_input_tokens: promptTokens - cachedTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation: { ephemeral_5m_input_tokens: promptTokens - cachedTokens, ephemeral_1h_input_tokens: 0 },
    output_tokens: completionTokens,
    service_tier: 'standard',
    inference_geo: null,
    output_tokens_details: thinkingTokens === 0 ? null : { thinking_tokens: thinkingTokens },
    server_tool_use: null,
    speed: null,
  };
}

export interface Ending {
  readonly reason: FinishReason | 'tool_calls';
  readonly stopString: string | null;
  readonly usage: Usage;
  /** What the client asked for, at most. */
  readonly maxTokens: number;
}

export function messageBody(head: MessageHead, content: readonly object[], usage: ConversationUsage, ending: Ending | null): object {
  return {
    ...head,
    type: 'message',
    role: 'assistant',
    content,
    stop_reason: ending === null ? null : stopReason(ending),
    stop_sequence: ending?.stopString ?? null,
    container: null,
    diagnostics: null,
    stop_details: null,
    usage: usageBody(usage),
  };
}

export function textBlock(text: string): object {
  return { type: 'text', text, citations: null };
}

export function thinkingBlock(thinking: string, signature: string): object {
  return { type: 'thinking', thinking, signature };
}

export function toolUseBlock(id: string, name: string, input: object): object {
  return { type: 'tool_use', id, name, input, caller: { type: 'direct' } };
}

/** Arguments that max_tokens cut off are no object: clients get none rather than half. */
export function contentOf({ text, thinking, calls }: FinishedAnswer, display: ThinkingDisplay): object[] {
  const thought = thinking === '' ? [] : [thinkingBlock(display.shown(thinking) ?? '', display.signature(thinking))];
  const said = text === '' ? [] : [textBlock(text)];
  return [...thought, ...said, ...calls.map(({ id, name, arguments: json }) => toolUseBlock(id, name, inputOf(json)))];
}

function inputOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
