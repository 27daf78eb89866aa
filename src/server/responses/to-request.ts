/** Body of the Responses API -> the canonical request, and what of it the answer repeats. */
import type { FastifyRequest } from 'fastify';
import type { ConversationRequest, Prompt } from '../../core/answers/answerer.js';
import type { ToolChoice } from '../../core/answers/conversation.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { Persist } from '../../core/domain/agent.js';
import type { OutputConstraint } from '../../core/domain/output-constraint.js';
import { NOBODYS_KV } from '../../core/domain/request.js';
import { withChosenTool } from '../answering/tool-choice-header.js';
import { type SamplingDefaults, toGeneration } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { agentHint } from '../identity/agent-hint.js';
import { invalidField, parseBody } from '../request-body.js';
import type { HeardItem } from './items.js';
import { allowedToolsSchema, ITEM_SCHEMAS, type PromptBody, type ResponsesBody } from './schema.js';
import { toConversation } from './to-conversation.js';
import { type OfferedTool, OfferedTools } from './tools.js';

export interface ResponsesTerms {
  readonly sampling: SamplingDefaults;
  readonly seal: ThinkingSeal;
  readonly persist: Persist;
  readonly scope: string;
}

export interface ResponsesRequest {
  readonly request: ConversationRequest;
  readonly tools: OfferedTools;
  readonly timeoutMs: number | null;
  readonly logprobs: boolean;
}

const NO_THINKING = ['none', 'minimal'];

export function toPrompt(body: PromptBody, items: readonly HeardItem[], seal: ThinkingSeal): Prompt & { readonly offered: OfferedTools } {
  const offered = new OfferedTools();
  offered.add(body.tools ?? [], 'tools');
  for (const { item, at } of items) {
    if (item.type === 'additional_tools') offered.add(parseBody(ITEM_SCHEMAS.additional_tools, item, at).tools, `${at}.tools`);
  }
  const toolChoice = toToolChoice(body, offered);
  const conversation = toConversation({ instructions: body.instructions ?? null, items }, offered, seal);
  if (conversation.length === 0) throw invalidField('input', 'wanted something to answer');
  const effort = body.reasoning?.effort;
  return {
    conversation,
    tools: offered.definitions,
    toolChoice,
    parallelCalls: body.parallel_tool_calls ?? true,
    thinks: effort === null || effort === undefined ? null : !NO_THINKING.includes(effort),
    continuesLast: false,
    offered,
  };
}

export function toResponsesRequest(
  body: ResponsesBody,
  items: readonly HeardItem[],
  headers: FastifyRequest['headers'],
  { sampling, seal, persist, scope }: ResponsesTerms,
): ResponsesRequest {
  const { priority, timeoutMs } = toTerms({}, headers);
  const { offered, ...prompt } = toPrompt(body, items, seal);
  const { temperature, top_p, max_output_tokens: max_tokens } = body;
  const logprobs = body.include?.includes('message.output_text.logprobs') ?? false;
  const top_logprobs = logprobs ? body.top_logprobs : null;
  const constraint = toConstraint(body);
  return {
    tools: offered,
    timeoutMs,
    logprobs,
    request: {
      ...withChosenTool(prompt, headers),
      ...toGeneration({ temperature, top_p, max_tokens, logprobs, top_logprobs }, sampling, 0),
      ...(constraint === null ? {} : { constraint }),
      ...NOBODYS_KV,
      persist,
      scope,
      ...agentHint(headers, body, scope),
      priority,
    },
  };
}

function toConstraint({ text }: PromptBody): OutputConstraint | null {
  const format = text?.format;
  if (format?.type === 'json_object') return { kind: 'json_object' };
  return format?.type === 'json_schema' ? { kind: 'json_schema', schema: format.schema } : null;
}

/** `allowed_tools` leaves those that are not named out: the model cannot call what it does not see. */
function toToolChoice({ tool_choice: choice }: PromptBody, offered: OfferedTools): ToolChoice {
  if (choice === null || choice === undefined || choice === 'auto') return { type: 'auto' };
  if (choice === 'none') return { type: 'none' };
  if (choice !== 'required' && choice.type !== 'allowed_tools') return { type: 'tool', name: chosen(choice, offered).definition.name };
  if (choice !== 'required') {
    const { mode, tools } = parseBody(allowedToolsSchema, choice, 'tool_choice');
    const allowed = new Set(tools.map((tool) => offered.find(tool.name ?? '', tool.namespace ?? null)));
    offered.keep((tool) => allowed.has(tool));
    if (mode === 'auto') return { type: 'auto' };
  }
  if (offered.definitions.length === 0) throw invalidField('tool_choice', 'wanted tools beside it to choose from');
  return { type: 'any' };
}

function chosen(choice: { readonly type: string; readonly name?: string | null | undefined }, offered: OfferedTools): OfferedTool {
  const { type, name } = choice;
  if (type !== 'function' && type !== 'custom')
    throw invalidField('tool_choice.type', `there is nobody here to run a tool of the type ${JSON.stringify(type)}`);
  const namespace = 'namespace' in choice && typeof choice.namespace === 'string' ? choice.namespace : null;
  const tool = offered.find(name ?? '', namespace) ?? offered.called(name ?? '');
  if (tool === null) throw invalidField('tool_choice.name', `there is no tool ${JSON.stringify(name ?? null)} among the tools`);
  return tool;
}
