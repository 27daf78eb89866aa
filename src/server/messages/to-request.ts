/** Body of the Messages API -> the canonical request. */
import type { FastifyRequest } from 'fastify';
import type { ConversationRequest } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { Persist } from '../../core/domain/agent.js';
import { withChosenTool } from '../answering/tool-choice-header.js';
import { type SamplingDefaults, toGeneration } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { agentHint } from '../identity/agent-hint.js';
import type { MessagesBody } from './schema.js';
import { toPrompt } from './to-conversation.js';

export interface MessagesTerms {
  readonly sampling: SamplingDefaults;
  readonly seal: ThinkingSeal;
  readonly persist: Persist;
  readonly scope: string;
}

export interface MessagesRequest {
  readonly stream: boolean;
  readonly timeoutMs: number | null;
  readonly request: ConversationRequest;
}

export function toMessagesRequest(body: MessagesBody, headers: FastifyRequest['headers'], terms: MessagesTerms): MessagesRequest {
  const { sampling, seal, persist, scope } = terms;
  const { priority, timeoutMs } = toTerms({}, headers);
  const { temperature, top_p, top_k, max_tokens, stop_sequences: stop } = body;
  return {
    stream: body.stream ?? false,
    timeoutMs,
    request: {
      ...withChosenTool(toPrompt(body, seal), headers),
      ...toGeneration({ temperature, top_p, top_k, max_tokens, stop }, sampling, 0),
      cachePrompt: true,
      persist,
      scope,
      sessionId: null,
      ...agentHint(headers, body, scope),
      pinned: false,
      quotaTokens: null,
      priority,
    },
  };
}
