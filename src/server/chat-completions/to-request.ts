/** Body of a chat completion -> the canonical request. Everything that can be wrong with it is said here, before anything runs. */
import type { FastifyRequest } from 'fastify';
import type { Persist } from '../../core/domain/agent.js';
import type { GenerationRequest } from '../../core/domain/request.js';
import { toConstraint } from '../generation/constraint.js';
import { type SamplingDefaults, toGeneration, toMessage } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { agentHint } from '../identity/agent-hint.js';
import { parseBody } from '../request-body.js';
import { chatCompletionSchema } from './schema.js';

export interface ChatCompletionRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly timeoutMs: number | null;
  readonly includeUsage: boolean;
  readonly generation: GenerationRequest;
}

/** Whose KV it is, and how long it stays. */
export interface KvTerms {
  readonly scope: string;
  readonly persist: Persist;
}

export function toChatCompletionRequest(
  json: unknown,
  headers: FastifyRequest['headers'],
  defaults: SamplingDefaults,
  vocabSize: number,
  terms: KvTerms,
): ChatCompletionRequest {
  const body = parseBody(chatCompletionSchema, json);
  const { priority, timeoutMs } = toTerms(body, headers);
  const generation = toGeneration(body, defaults, vocabSize);
  const constraint = toConstraint(body);
  return {
    model: body.model,
    stream: body.stream ?? false,
    timeoutMs,
    includeUsage: body.stream_options?.include_usage ?? false,
    generation: {
      ...generation,
      messages: body.messages.map(toMessage),
      tools: body.tools ?? [],
      ...(constraint === null ? {} : { constraint }),
      maxTokens: body.max_completion_tokens ?? generation.maxTokens,
      cachePrompt: body.cache_prompt ?? true,
      ...terms,
      sessionId: sessionOf(body.session_id ?? null),
      ...agentHint(headers, body, terms.scope),
      pinned: false,
      quotaTokens: null,
      priority,
    },
  };
}

/** Sessions that clients name are never taken for agents. */
function sessionOf(id: string | null): string | null {
  return id === null ? null : `session/${id}`;
}
