/** The Response object, field by field as its clients expect it (wire recordings and the vendor's SDK). */
import type { ConversationUsage } from '../../core/answers/answerer.js';
import { dialectCode } from '../../core/domain/dialect-code.js';
import type { SemanticError } from '../../core/domain/errors.js';
import type { Item } from './items.js';
import type { ResponsesBody } from './schema.js';

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';

export interface ResponseBody {
  readonly id: string;
  readonly status: ResponseStatus;
  readonly output: readonly Item[];
  readonly [field: string]: unknown;
}

export interface ResponseHead {
  readonly id: string;
  readonly createdAt: number; // seconds since 1970
  readonly model: string;
}

/** All that is known from the start: what was asked for, as it was asked for. */
export function responseHead(
  { id, createdAt, model }: ResponseHead,
  body: ResponsesBody,
  defaults: { readonly temperature: number; readonly top_p: number },
): object {
  const { text, reasoning } = body;
  return {
    id,
    object: 'response',
    created_at: createdAt,
    status: 'in_progress',
    background: body.background ?? false,
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? defaults.temperature,
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? defaults.top_p,
    truncation: body.truncation ?? 'disabled',
    ...(typeof body.user === 'string' ? { user: body.user } : {}),
    metadata: body.metadata ?? {},
  };
}

/** The engine's own counts; what was not cached is written to the cache. */
export function usageBody({ promptTokens, cachedTokens, completionTokens, thinkingTokens }: ConversationUsage): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: promptTokens - cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: thinkingTokens },
    total_tokens: promptTokens + completionTokens,
  };
}

/** Why a response failed. The vendor's clients know few codes; these are of them. */
export function failureBody({ code, status, message }: SemanticError): object {
  if (code === 'PromptTooLong') return { code: dialectCode(code), message };
  const codes: Readonly<Record<number, string>> = { 400: 'invalid_prompt', 429: 'rate_limit_exceeded' };
  return { code: codes[status] ?? 'server_error', message };
}
