/** Messages and tools of the Messages API -> the one conversation. */
import type { Prompt } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { ConversationMessage, ToolCall } from '../../core/answers/conversation.js';
import { invalidField } from '../request-body.js';
import { documentText, loadedText, resultText, searchResultText, unreadable } from './block-text.js';
import type { BlockBody, MessageBody, PromptBody } from './schema.js';
import { thinkingOf } from './thinking-display.js';
import { Tools } from './tools.js';

export function toPrompt(body: PromptBody, seal: ThinkingSeal): Prompt {
  const system = typeof body.system === 'string' ? [body.system] : (body.system ?? []).map((block) => block.text);
  const told = system.filter((text) => text !== '');
  const tools = new Tools(body);
  const calls = new Map<string, number>();
  const said = body.messages.flatMap((message, i) => toMessages(message, i, { calls, tools, seal }));
  const conversation: ConversationMessage[] = [
    ...(told.length === 0 ? [] : [{ role: 'system' as const, text: told.join('\n\n') }]),
    ...inOrderOfCalls(withoutEmptyEnd(said), calls),
  ];
  if (conversation.length === 0) throw invalidField('messages', 'wanted a message that says something');
  const offered = tools.offered();
  return {
    conversation,
    tools: offered,
    toolChoice: tools.choice(offered),
    parallelCalls: body.tool_choice?.type === 'none' || body.tool_choice?.disable_parallel_tool_use !== true,
    thinks: body.thinking === null || body.thinking === undefined ? null : body.thinking.type !== 'disabled',
    continuesLast: continuesLast(conversation),
  };
}

interface Reading {
  /** Ids of the calls read so far, and the how-many-eth each was. */
  readonly calls: Map<string, number>;
  readonly tools: Tools;
  readonly seal: ThinkingSeal;
}

/** A prompt that ends with what the assistant says is one whose answer begins so. */
function continuesLast(conversation: readonly ConversationMessage[]): boolean {
  const last = conversation.at(-1);
  if (last?.role !== 'assistant' || last.calls.length > 0) return false;
  if (last.text.trimEnd() === last.text) return true;
  throw invalidField('messages', 'wanted the last message, which the answer goes on from, not to end with whitespace');
}

/** An answer that is to go on from nothing is one that begins. */
function withoutEmptyEnd(said: readonly ConversationMessage[]): readonly ConversationMessage[] {
  const last = said.at(-1);
  return last?.role === 'assistant' && last.text === '' && last.calls.length === 0 ? said.slice(0, -1) : said;
}

/** Results of calls that were made at once come in the order in which they were ready; a template that has no ids needs that of the calls. */
function inOrderOfCalls(said: readonly ConversationMessage[], calls: ReadonlyMap<string, number>): ConversationMessage[] {
  const ordered: ConversationMessage[] = [];
  let run: Extract<ConversationMessage, { readonly role: 'tool' }>[] = [];
  const flush = (): void => {
    ordered.push(...run.sort((a, b) => calls.get(a.callId)! - calls.get(b.callId)!));
    run = [];
  };
  for (const message of said) {
    if (message.role === 'tool') run.push(message);
    else {
      flush();
      ordered.push(message);
    }
  }
  flush();
  return ordered;
}

function toMessages({ role, content }: MessageBody, index: number, reading: Reading): ConversationMessage[] {
  const blocks: readonly BlockBody[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return role === 'assistant' ? [assistant(blocks, index, reading)] : told(role, blocks, index, reading);
}

function told(role: 'user' | 'system', blocks: readonly BlockBody[], index: number, { calls, tools }: Reading): ConversationMessage[] {
  const messages: ConversationMessage[] = [];
  let text: string[] = [];
  const flush = (): void => {
    if (text.length > 0) messages.push({ role, text: text.join('\n\n') });
    text = [];
  };
  for (const [at, block] of blocks.entries()) {
    const param = `messages[${index}].content[${at}]`;
    if (block.type === 'tool_result') {
      flush();
      if (!calls.has(block.tool_use_id))
        throw invalidField(`${param}.tool_use_id`, `${JSON.stringify(block.tool_use_id)} names no tool_use of a message before it`);
      messages.push({ role: 'tool', callId: block.tool_use_id, text: resultText(block, tools, param) });
    } else {
      const said = toldText(block, role, tools, param);
      if (said !== '') text.push(said);
    }
  }
  flush();
  return messages;
}

/** '' = nothing that the model reads. */
function toldText(block: BlockBody, role: string, tools: Tools, param: string): string {
  const { type } = block;
  if (type === 'text') return block.text;
  if (type === 'compaction') return block.content ?? '';
  if (type === 'document') return documentText(block, param);
  if (type === 'search_result') return searchResultText(block);
  if (type === 'image') throw unreadable(type, param);
  if (type === 'tool_addition') {
    const tool = tools.add(block);
    return tool === null ? '' : loadedText(tool.name, tool);
  }
  if (type === 'tool_removal') {
    if (block.tool.type !== 'tool_reference') return '';
    tools.remove(block.tool.name);
    return `Tool no longer available: ${block.tool.name}`;
  }
  if (type === 'tool_use' || type === 'tool_result' || type === 'thinking')
    throw invalidField(param, `a block of type "${type}" has no place in ${role}`);
  return '';
}

function assistant(blocks: readonly BlockBody[], index: number, { calls: known, seal }: Reading): ConversationMessage {
  const text: string[] = [];
  const thinking: string[] = [];
  const calls: ToolCall[] = [];
  for (const [at, block] of blocks.entries()) {
    const param = `messages[${index}].content[${at}]`;
    if (block.type === 'text') text.push(block.text);
    else if (block.type === 'compaction') text.push(block.content ?? '');
    else if (block.type === 'thinking') {
      const thought = thinkingOf({ thinking: block.thinking, signature: block.signature ?? '' }, seal);
      if (thought !== null) thinking.push(thought); // else it is not put into this one's mouth
    } else if (block.type === 'tool_use') {
      known.set(block.id, known.size);
      calls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input) });
    } else if (block.type === 'image' || block.type === 'document') throw unreadable(block.type, param);
    else if (block.type === 'tool_result' || block.type === 'tool_addition' || block.type === 'tool_removal')
      throw invalidField(param, `a block of type "${block.type}" has no place in assistant`);
  }
  return { role: 'assistant', text: text.join(''), thinking: thinking.length === 0 ? null : thinking.join('\n'), calls };
}
