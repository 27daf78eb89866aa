/** Messages of a chat completion -> the one conversation. */
import type { ConversationMessage, ToolCall } from '../../core/answers/conversation.js';
import { invalidField } from '../request-body.js';
import type { ChatMessageBody } from './messages-schema.js';

export function toConversation(messages: readonly ChatMessageBody[]): ConversationMessage[] {
  const called = new Set<string>();
  /** Id of the last call in the form before tools, which has none of its own. */
  let functionCallId: string | null = null;
  return messages.map((message, i): ConversationMessage => {
    const param = `messages[${i}]`;
    if (message.role === 'user') return { role: 'user', text: userText(message.content, `${param}.content`) };
    if (message.role === 'assistant') {
      const said = assistant(message, i);
      for (const { id } of said.calls) called.add(id);
      if (message.function_call) functionCallId = said.calls.at(-1)?.id ?? null;
      return said;
    }
    if (message.role === 'tool') {
      const { tool_call_id: callId } = message;
      if (!called.has(callId)) throw invalidField(`${param}.tool_call_id`, `there is no call ${JSON.stringify(callId)} before it`);
      return { role: 'tool', callId, text: textOf(message.content) };
    }
    if (message.role === 'function') {
      if (functionCallId === null) throw invalidField(`${param}.role`, 'there is no function_call before it');
      return { role: 'tool', callId: functionCallId, text: message.content ?? '' };
    }
    return { role: 'system', text: textOf(message.content) };
  });
}

type AssistantBody = Extract<ChatMessageBody, { readonly role: 'assistant' }>;

function assistant(message: AssistantBody, index: number): Extract<ConversationMessage, { role: 'assistant' }> {
  const { content, refusal, tool_calls: toolCalls, function_call: functionCall } = message;
  const parts = typeof content === 'string' ? [content] : (content ?? []).map((part) => (part.type === 'text' ? part.text : part.refusal));
  const calls: ToolCall[] = (toolCalls ?? []).map(({ id, function: call }) => ({ id, name: call.name, arguments: call.arguments }));
  if (functionCall) calls.push({ id: `function_call_${index}`, name: functionCall.name, arguments: functionCall.arguments });
  const text = parts.join('');
  return {
    role: 'assistant',
    text: text === '' ? (refusal ?? '') : text,
    thinking: message.reasoning_content ?? message.reasoning ?? message.thinking ?? null,
    calls,
  };
}

function userText(content: Extract<ChatMessageBody, { readonly role: 'user' }>['content'], param: string): string {
  if (!Array.isArray(content)) return content ?? '';
  return content
    .map((part) => {
      if (part.type !== 'text') throw invalidField(param, `this model reads text only, got a part of type ${JSON.stringify(part.type)}`);
      if (typeof part['text'] !== 'string') throw invalidField(param, 'wanted a string as the text of a part');
      return part['text'];
    })
    .join('');
}

function textOf(content: string | readonly { readonly text: string }[] | null | undefined): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('');
}
