/** Body of the Messages API -> the canonical request. */
import type { FastifyRequest } from 'fastify';
import type { ConversationRequest } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { Persist } from '../../core/domain/agent.js';
import { NOBODYS_KV } from '../../core/domain/request.js';
import { withChosenTool } from '../answering/tool-choice-header.js';
import { type SamplingDefaults, toGeneration } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { agentHint } from '../identity/agent-hint.js';
import { invalidField } from '../request-body.js';
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
  const format = body.output_config?.format ?? body.output_format ?? null;
  if ((stop?.length ?? 0) > sampling.max_stop_strings)
    throw invalidField('stop_sequences', `${stop!.length} of them, at most ${sampling.max_stop_strings} are taken`);
  return {
    stream: body.stream ?? false,
    timeoutMs,
    request: {
      ...withChosenTool(toPrompt(body, seal), headers),
      ...toGeneration({ temperature, top_p, top_k, max_tokens, stop }, sampling, 0),
      ...(format === null ? {} : { constraint: { kind: 'json_schema', schema: format.schema } }),
      ...NOBODYS_KV,
      persist,
      scope,
      ...agentHint(headers, body, scope),
      priority,
    },
  };
}
