/** Messages and tools of the Messages API -> the one conversation. */
import type { Prompt } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { ConversationMessage, ToolCall, ToolChoice, ToolDefinition } from '../../core/answers/conversation.js';
import { invalidField } from '../request-body.js';
import type { BlockBody, MessageBody, PromptBody, ToolBody } from './schema.js';

/** A line that some clients put first and that differs in every session: with it no two sessions would share their system prompt. */
const BILLING_LINE = /^x-anthropic-billing-header:/;

export function toPrompt(body: PromptBody, seal: ThinkingSeal): Prompt {
  const system = typeof body.system === 'string' ? [body.system] : (body.system ?? []).map((block) => block.text);
  const told = system.filter((text) => text !== '' && !BILLING_LINE.test(text));
  const conversation: ConversationMessage[] = told.length === 0 ? [] : [{ role: 'system', text: told.join('\n\n') }];
  const known = new Set<string>();
  body.messages.forEach((message, i) => conversation.push(...toMessages(message, i, known, seal)));
  const tools = ownTools(body.tools ?? []);
  const loaded = new Set(body.messages.flatMap(referencesOf));
  const offered = tools.filter(({ defer_loading: isDeferred, name }) => isDeferred !== true || loaded.has(name)).map(toTool);
  return {
    conversation,
    tools: offered,
    toolChoice: toToolChoice(body, offered),
    parallelCalls: body.tool_choice?.type === 'none' || body.tool_choice?.disable_parallel_tool_use !== true,
    thinks: body.thinking === null || body.thinking === undefined ? null : body.thinking.type !== 'disabled',
    continuesLast: continuesLast(conversation),
  };
}

/** A prompt that ends with what the assistant says is one whose answer begins so. */
function continuesLast(conversation: readonly ConversationMessage[]): boolean {
  const last = conversation.at(-1);
  if (last?.role !== 'assistant' || last.calls.length > 0 || last.text === '') return false;
  if (last.text.trimEnd() === last.text) return true;
  throw invalidField('messages', 'wanted the last message, which the answer goes on from, not to end with whitespace');
}

type OwnTool = Extract<ToolBody, { readonly input_schema: unknown }>;

function ownTools(tools: readonly ToolBody[]): OwnTool[] {
  return tools.filter((tool): tool is OwnTool => 'input_schema' in tool && typeof tool.input_schema === 'object');
}

function toTool({ name, description, input_schema: parameters }: OwnTool): ToolDefinition {
  return { name, description: description ?? null, parameters };
}

function toToolChoice({ tool_choice: choice }: PromptBody, tools: readonly ToolDefinition[]): ToolChoice {
  if (choice === null || choice === undefined) return { type: 'auto' };
  if (choice.type === 'tool') {
    if (!tools.some(({ name }) => name === choice.name))
      throw invalidField('tool_choice.name', `there is no tool ${JSON.stringify(choice.name)} among the tools`);
    return { type: 'tool', name: choice.name };
  }
  if (choice.type === 'any' && tools.length === 0) throw invalidField('tool_choice', 'wanted tools beside it to choose from');
  return { type: choice.type };
}

function toMessages({ role, content }: MessageBody, index: number, known: Set<string>, seal: ThinkingSeal): ConversationMessage[] {
  const blocks: readonly BlockBody[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  if (role === 'assistant') return [assistant(blocks, index, known, seal)];
  const messages: ConversationMessage[] = [];
  let text: string[] = [];
  const flush = (): void => {
    if (text.length > 0) messages.push({ role, text: text.join('\n\n') });
    text = [];
  };
  for (const [at, block] of blocks.entries()) {
    const param = `messages[${index}].content[${at}]`;
    if (block.type === 'text') {
      if (block.text !== '') text.push(block.text);
    } else if (block.type === 'tool_result') {
      flush();
      if (!known.has(block.tool_use_id))
        throw invalidField(`${param}.tool_use_id`, `${JSON.stringify(block.tool_use_id)} names no tool_use of a message before it`);
      messages.push({ role: 'tool', callId: block.tool_use_id, text: resultText(block, param) });
    } else throw unsupported(block.type, role, param);
  }
  flush();
  return messages;
}

function assistant(blocks: readonly BlockBody[], index: number, known: Set<string>, seal: ThinkingSeal): ConversationMessage {
  const text: string[] = [];
  const thinking: string[] = [];
  const calls: ToolCall[] = [];
  for (const [at, block] of blocks.entries()) {
    if (block.type === 'text') text.push(block.text);
    else if (block.type === 'thinking') {
      // What another model thought, or a client made up, is not put into this one's mouth.
      if (seal.isOurs(block.thinking, block.signature ?? '')) thinking.push(block.thinking);
    } else if (block.type === 'tool_use') {
      known.add(block.id);
      calls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input) });
    } else if (block.type === 'server_tool_use') known.add(block.id);
    else if (block.type === 'tool_result' || block.type === 'image' || block.type === 'document')
      throw unsupported(block.type, 'assistant', `messages[${index}].content[${at}]`);
  }
  return { role: 'assistant', text: text.join(''), thinking: thinking.length === 0 ? null : thinking.join('\n'), calls };
}

type ResultBody = Extract<BlockBody, { readonly type: 'tool_result' }>;

function resultText({ content, is_error: isError }: ResultBody, param: string): string {
  const parts = typeof content === 'string' ? [content] : (content ?? []).map((part, i) => partText(part, `${param}.content[${i}]`));
  return `${isError === true ? 'Error: ' : ''}${parts.filter((part) => part !== '').join('\n')}`;
}

function partText(part: { readonly type: string; readonly text?: unknown; readonly tool_name?: unknown }, param: string): string {
  if (part.type === 'text') return String(part.text);
  if (part.type === 'tool_reference') return `Tool loaded: ${String(part.tool_name)}`;
  if (part.type === 'image' || part.type === 'document') throw unsupported(part.type, 'tool_result', param);
  return JSON.stringify(part);
}

function referencesOf({ content }: MessageBody): string[] {
  if (typeof content === 'string') return [];
  return content.flatMap((block) => {
    if (block.type !== 'tool_result' || typeof block.content === 'string') return [];
    return (block.content ?? []).flatMap((part) => (part.type === 'tool_reference' ? [part.tool_name] : []));
  });
}

function unsupported(type: string, where: string, param: string): Error {
  if (type === 'image' || type === 'document') return invalidField(param, `this model reads text only, got a block of type "${type}"`);
  return invalidField(param, `a block of type "${type}" has no place in ${where}`);
}
