/** Body of a chat completion -> the canonical request. Everything that can be wrong with it is said here, before anything runs. */
import type { FastifyRequest } from 'fastify';
import type { ConversationRequest } from '../../core/answers/answerer.js';
import type { ConversationMessage } from '../../core/answers/conversation.js';
import type { Persist } from '../../core/domain/agent.js';
import { NOBODYS_KV } from '../../core/domain/request.js';
import { withChosenTool } from '../answering/tool-choice-header.js';
import { toConstraint } from '../generation/constraint.js';
import { type SamplingDefaults, toGeneration } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { agentHint } from '../identity/agent-hint.js';
import { invalidField } from '../request-body.js';
import type { ChatCompletionBody } from './schema.js';
import { toConversation } from './to-conversation.js';
import { toTools } from './to-tools.js';

export interface ChatCompletionRequest {
  readonly stream: boolean;
  readonly timeoutMs: number | null;
  readonly includeUsage: boolean;
  readonly choices: number;
  /** The client speaks of functions, as it was before there were tools. */
  readonly legacyFunctions: boolean;
  readonly request: ConversationRequest;
}

/** Whose KV it is, and how long it stays. */
export interface KvTerms {
  readonly scope: string;
  readonly persist: Persist;
}

export function toChatCompletionRequest(
  body: ChatCompletionBody,
  headers: FastifyRequest['headers'],
  defaults: SamplingDefaults,
  vocabSize: number,
  terms: KvTerms,
): ChatCompletionRequest {
  const { priority, timeoutMs } = toTerms(body, headers);
  const generation = toGeneration(body, defaults, vocabSize);
  const constraint = toConstraint(body);
  const conversation = toConversation(body.messages);
  const prompt = { conversation, ...toTools(body), ...toThinking(body), continuesLast: continuesLast(body, conversation) };
  return {
    stream: body.stream ?? false,
    timeoutMs,
    includeUsage: body.stream_options?.include_usage ?? false,
    choices: body.n ?? 1,
    legacyFunctions: Array.isArray(body.functions),
    request: {
      ...generation,
      ...withChosenTool(prompt, headers),
      ...(constraint === null ? {} : { constraint }),
      maxTokens: body.max_completion_tokens ?? generation.maxTokens,
      ...NOBODYS_KV,
      ...terms,
      ...agentHint(headers, body, terms.scope),
      cachePrompt: body.cache_prompt ?? true,
      priority,
    },
  };
}

/** Templates take an effort of three degrees, or whether to think at all; each reads what it knows. */
function toThinking(body: ChatCompletionBody): Pick<ConversationRequest, 'thinks' | 'tellsThinking' | 'templateVariables'> {
  const { reasoning_effort: effort, chat_template_kwargs: given } = body;
  const degrees = { none: 'low', minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'high', max: 'high' } as const;
  const said = effort === null || effort === undefined ? {} : { reasoning_effort: degrees[effort] };
  const isSaid = given?.['enable_thinking'] !== undefined || effort === null || effort === undefined;
  return {
    thinks: isSaid ? null : effort !== 'none',
    tellsThinking: body.reasoning_format !== 'none',
    templateVariables: { ...said, ...given },
  };
}

function continuesLast(body: ChatCompletionBody, conversation: readonly ConversationMessage[]): boolean {
  if (body.continue_final_message !== true) return false;
  if (body.add_generation_prompt === true) throw invalidField('continue_final_message', 'wanted it or add_generation_prompt, got both');
  const last = conversation.at(-1);
  if (last?.role === 'assistant' && last.calls.length === 0 && last.text !== '') return true;
  throw invalidField('continue_final_message', 'wanted a text of the assistant as the last message');
}
