/**
 * A conversation as a chat template reads it. Templates differ in what they put up with, so they get the least: one system message at the
 * start, and no two messages of the user in a row. What stands where does not change when the conversation goes on.
 */
import type { ChatMessage } from '../domain/chat-message.js';
import type { ConversationMessage, ToolCall, ToolDefinition } from './conversation.js';
import type { EmittedAnswers } from './emitted-answers.js';
import { toolCallText, toolPrompt, toolResultText } from './tool-prompt.js';

export interface TemplateNeeds {
  /** The template renders tools, calls and results itself. */
  readonly knowsTools: boolean;
}

export interface TemplateInput {
  readonly messages: readonly ChatMessage[];
  /** As the template takes them; empty where the messages say it all. */
  readonly tools: readonly unknown[];
}

export function toTemplateInput(
  conversation: readonly ConversationMessage[],
  tools: readonly ToolDefinition[],
  needs: TemplateNeeds,
  emitted: EmittedAnswers,
): TemplateInput {
  const start = conversation.findIndex(({ role }) => role !== 'system');
  const head = conversation.slice(0, start < 0 ? conversation.length : start);
  const rest = conversation.slice(head.length);
  const told = needs.knowsTools || tools.length === 0 ? [] : [toolPrompt(tools)];
  const system = [...head.map(textOf), ...told].filter((text) => text !== '').join('\n\n');
  const messages: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }];
  const names = new Map(rest.flatMap((message) => (message.role === 'assistant' ? message.calls.map(({ id, name }) => [id, name]) : [])));
  for (const message of rest) {
    const next = toMessage(message, needs, emitted, names);
    const last = messages.at(-1);
    if (next.role === 'user' && last?.role === 'user') messages[messages.length - 1] = joined(last, next);
    else messages.push(next);
  }
  return { messages, tools: needs.knowsTools ? tools.map(toolBody) : [] };
}

function textOf(message: ConversationMessage): string {
  return message.text;
}

function toMessage(
  message: ConversationMessage,
  { knowsTools }: TemplateNeeds,
  emitted: EmittedAnswers,
  names: ReadonlyMap<string, string>,
): ChatMessage {
  if (message.role === 'tool') {
    if (!knowsTools) return { role: 'user', content: toolResultText(message.text) };
    return { role: 'tool', content: message.text, tool_call_id: message.callId, name: names.get(message.callId) ?? 'unknown' };
  }
  if (message.role !== 'assistant') return { role: message.role, content: message.text };
  const raw = emitted.find(message);
  if (raw !== null) return { role: 'assistant', content: raw };
  const thinking = message.thinking === null ? {} : { reasoning_content: message.thinking };
  if (message.calls.length === 0) return { role: 'assistant', content: message.text, ...thinking };
  if (knowsTools) return { role: 'assistant', content: message.text, ...thinking, tool_calls: message.calls.map(callBody) };
  const calls = message.calls.map((call) => toolCallText(call.name, call.arguments));
  return { role: 'assistant', content: [message.text, ...calls].filter((text) => text !== '').join('\n'), ...thinking };
}

function joined(a: ChatMessage, b: ChatMessage): ChatMessage {
  return { ...a, content: [a.content, b.content].filter((text) => text !== null && text !== '').join('\n\n') };
}

/** Templates write arguments with `tojson`: they want the object. */
function callBody({ id, name, arguments: json }: ToolCall): object {
  return { id, type: 'function', function: { name, arguments: parsed(json) } };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json; // cut off by max_tokens: the text is all there is
  }
}

function toolBody({ name, description, parameters }: ToolDefinition): object {
  return { type: 'function', function: { name, description: description ?? '', parameters } };
}
