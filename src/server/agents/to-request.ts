/** Bodies of the agent routes -> what the service takes. */
import type { FastifyRequest } from 'fastify';
import type { AgentPolicy } from '../../core/domain/agent.js';
import type { ChatMessage } from '../../core/domain/chat-message.js';
import type { AgentTurnRequest, NewAgent, Rewind } from '../../core/engine/agent-service.js';
import { type SamplingDefaults, toGeneration, toMessage } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { invalidField, parseBody } from '../request-body.js';
import { createSchema, forkSchema, type PolicyBody, policySchema, rewindSchema, type TurnBody } from './schema.js';

export function toNewAgent(json: unknown): NewAgent {
  const body = parseBody(createSchema, json ?? {});
  const messages = (body.messages ?? []).map(toMessage);
  if (body.system !== undefined && messages[0]?.role === 'system')
    throw invalidField('system', 'wanted it here or as the first of messages, got both');
  return {
    ...(body.id === undefined ? {} : { id: body.id }),
    messages: body.system === undefined ? messages : [{ role: 'system', content: body.system }, ...messages],
    tools: body.tools ?? [],
    policy: toPolicy(body),
  };
}

export interface AgentTurn {
  readonly stream: boolean;
  readonly timeoutMs: number | null;
  readonly request: AgentTurnRequest;
}

export function toTurn(
  body: TurnBody,
  headers: FastifyRequest['headers'],
  defaults: SamplingDefaults,
  { model, vocabSize }: { readonly model: string; readonly vocabSize: number },
): AgentTurn {
  const { priority, timeoutMs } = toTerms(body, headers);
  return {
    stream: body.stream ?? false,
    timeoutMs,
    request: {
      model,
      ...toGeneration(body, defaults, vocabSize),
      messages: newMessages(body.input, body.messages?.map(toMessage)),
      tools: body.tools ?? null,
      busy: body.busy ?? null,
      priority,
    },
  };
}

function newMessages(input: string | undefined, messages: readonly ChatMessage[] | undefined): readonly ChatMessage[] {
  if (input !== undefined && messages !== undefined) throw invalidField('input', 'wanted input or messages, got both');
  if (messages !== undefined) return messages;
  if (input === undefined) throw invalidField('input', 'wanted the new text as input, or as messages, got neither');
  return [{ role: 'user', content: input }];
}

export function toFork(json: unknown): { readonly id?: string; readonly policy: Partial<AgentPolicy> } {
  const body = parseBody(forkSchema, json ?? {});
  return { ...(body.id === undefined ? {} : { id: body.id }), policy: toPolicy(body) };
}

export function toRewind(json: unknown): Rewind {
  const { turns, messages } = parseBody(rewindSchema, json ?? {});
  if (turns !== undefined && messages !== undefined) throw invalidField('turns', 'wanted turns or messages, got both');
  if (turns !== undefined) return { turns };
  if (messages === undefined) throw invalidField('turns', 'wanted how many turns to go back, or how many messages to keep, got neither');
  return { messages };
}

export function toChangedPolicy(json: unknown): Partial<AgentPolicy> {
  const policy = toPolicy(parseBody(policySchema, json));
  if (Object.keys(policy).length === 0) throw invalidField('body', 'wanted persist, ttl_seconds, pinned or max_tokens, got none of them');
  return policy;
}

/** Only what the body says; null is said too. */
function toPolicy({ persist, ttl_seconds: ttlSeconds, pinned, max_tokens: maxTokens }: PolicyBody): Partial<AgentPolicy> {
  return {
    ...(persist === undefined ? {} : { persist }),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(pinned === undefined ? {} : { pinned }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}
