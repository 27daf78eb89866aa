/** Items of the Responses API -> the one conversation. What the assistant thought, said and called without a break is one message. */
import type { ConversationMessage, ToolCall } from '../../core/answers/conversation.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import { invalidField, parseBody } from '../request-body.js';
import type { HeardItem } from './items.js';
import { type ContentBody, ITEM_SCHEMAS } from './schema.js';
import type { OfferedTools } from './tools.js';

export interface Heard {
  readonly instructions: string | null;
  readonly items: readonly HeardItem[];
}

export function toConversation({ instructions, items }: Heard, tools: OfferedTools, seal: ThinkingSeal): ConversationMessage[] {
  const listener = new Listener(tools, seal);
  if (instructions !== null && instructions !== '') listener.hears({ role: 'system', text: instructions });
  for (const heard of items) listener.takes(heard);
  return listener.conversation();
}

interface Saying {
  text: string;
  readonly thinking: string[];
  readonly calls: ToolCall[];
}

class Listener {
  readonly #messages: ConversationMessage[] = [];
  readonly #calls = new Set<string>();
  /** What the assistant is saying. */
  #said: Saying | null = null;

  constructor(
    private readonly tools: OfferedTools,
    private readonly seal: ThinkingSeal,
  ) {}

  conversation(): ConversationMessage[] {
    this.#flush();
    return this.#messages;
  }

  hears(message: ConversationMessage): void {
    this.#flush();
    this.#messages.push(message);
  }

  takes({ item, isKept, at }: HeardItem): void {
    switch (item.type) {
      case 'message': {
        const { role, content } = parseBody(ITEM_SCHEMAS.message, item, at);
        const text = textOf(content, `${at}.content`, role === 'assistant' ? '' : '\n\n');
        if (role === 'assistant') this.#speaks().text += text;
        else if (text !== '') this.hears({ role: role === 'developer' ? 'system' : role, text });
        return;
      }
      case 'reasoning': {
        const thinking = this.#thinkingOf(parseBody(ITEM_SCHEMAS.reasoning, item, at), isKept);
        if (thinking !== null && thinking !== '') this.#speaks().thinking.push(thinking);
        return;
      }
      case 'function_call': {
        const { call_id: id, name, namespace, arguments: json } = parseBody(ITEM_SCHEMAS.function_call, item, at);
        this.#called(id, name, namespace ?? null, json);
        return;
      }
      case 'custom_tool_call': {
        const { call_id: id, name, namespace, input } = parseBody(ITEM_SCHEMAS.custom_tool_call, item, at);
        this.#called(id, name, namespace ?? null, JSON.stringify({ input }));
        return;
      }
      case 'function_call_output':
      case 'custom_tool_call_output': {
        const { call_id: callId, output } = parseBody(ITEM_SCHEMAS[item.type], item, at);
        if (!this.#calls.has(callId))
          throw invalidField(`${at}.call_id`, `no tool call found for the output with call_id ${JSON.stringify(callId)}`);
        this.hears({ role: 'tool', callId, text: textOf(output, `${at}.output`, '\n') });
        return;
      }
      case '':
        throw invalidField(at, 'wanted an item with a type, or a message with a role');
      default:
      // Of tools that the vendor runs, of its own bookkeeping, or newer than this: nothing the model could read.
    }
  }

  #speaks(): Saying {
    return (this.#said ??= { text: '', thinking: [], calls: [] });
  }

  #called(id: string, name: string, namespace: string | null, json: string): void {
    this.#calls.add(id);
    this.#speaks().calls.push({ id, name: this.tools.modelName(name, namespace), arguments: json });
  }

  #flush(): void {
    if (this.#said === null) return;
    const { text, thinking, calls } = this.#said;
    this.#messages.push({ role: 'assistant', text, thinking: thinking.length === 0 ? null : thinking.join('\n'), calls });
    this.#said = null;
  }

  /** What another model thought, or a client made up, is not put into this one's mouth. */
  #thinkingOf(
    { encrypted_content: sealed, content, summary }: ReturnType<typeof ITEM_SCHEMAS.reasoning.parse>,
    isKept: boolean,
  ): string | null {
    if (!isKept) return typeof sealed === 'string' ? this.seal.decrypt(sealed) : null;
    const parts = (content ?? []).length === 0 ? summary : content;
    return (parts ?? []).map(({ text }) => text).join('');
  }
}

function textOf(content: ContentBody, at: string, between: string): string {
  if (typeof content === 'string') return content;
  const texts = content.map((part, i) => {
    if (part.type === 'refusal') return part.refusal;
    if ('text' in part && typeof part.text === 'string') return part.text;
    throw invalidField(`${at}[${i}]`, `this model reads text only, got a part of type "${part.type}"`);
  });
  return texts.filter((text) => text !== '').join(between);
}
