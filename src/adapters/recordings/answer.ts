/** What an answer says, whichever dialect it is in and whether it came in one piece or as a stream. */
import type { Exchange } from './format.js';

export interface Answer {
  /** Of all choices, one behind another. */
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  /** Why it ended, in the dialect's words, one per choice. */
  readonly finish: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Null where there is no answer of a model: an error, a list, something that was not kept. */
export function answerOf({ path, status, answer, events }: Pick<Exchange, 'path' | 'status' | 'answer' | 'events'>): Answer | null {
  if (status === null || status >= 300) return null;
  const parts = events === null ? [fields(answer)] : events.flatMap(({ data }) => parsed(data));
  const said = new Said();
  const take = takerOf(path.split('?')[0]!);
  if (take === null) return null;
  for (const part of parts) take(said, part);
  return said.isEmpty ? null : said.answer();
}

/** Every part that is JSON: `[DONE]` is not. */
export function parsed(data: string): Fields[] {
  try {
    return [fields(JSON.parse(data))];
  } catch {
    return [];
  }
}

class Said {
  text = '';
  thinking = '';
  isEmpty = true;
  readonly #calls = new Map<string, { name: string; arguments: string }>();
  readonly #finish = new Map<string, string>();

  call(key: string, name: string, args: string): void {
    const call = this.#calls.get(key) ?? { name: '', arguments: '' };
    this.#calls.set(key, { name: call.name + name, arguments: call.arguments + args });
    this.isEmpty = false;
  }

  /** In place of what came in pieces. */
  wholeCall(key: string, name: string, args: string): void {
    this.#calls.set(key, { name, arguments: args });
    this.isEmpty = false;
  }

  end(key: string, reason: unknown): void {
    if (typeof reason !== 'string') return;
    this.#finish.set(key, reason);
    this.isEmpty = false;
  }

  say(text: unknown): void {
    if (typeof text !== 'string') return;
    this.text += text;
    this.isEmpty = false;
  }

  think(text: unknown): void {
    if (typeof text === 'string') this.thinking += text;
  }

  answer(): Answer {
    return { text: this.text, thinking: this.thinking, calls: [...this.#calls.values()], finish: [...this.#finish.values()] };
  }
}

type Take = (said: Said, part: Fields) => void;

function takerOf(path: string): Take | null {
  if (path === '/v1/chat/completions') return takeChat;
  if (path === '/v1/completions') return takeCompletion;
  if (path === '/v1/messages') return takeMessages;
  if (path === '/v1/responses' || path.startsWith('/v1/responses/')) return takeResponses;
  return /^\/v1\/agents\/[^/]+\/generate$/.test(path) ? takeTurn : null;
}

function takeChat(said: Said, part: Fields): void {
  for (const choice of list(part['choices'])) {
    const index = String(choice['index'] ?? 0);
    const message = fields(choice['delta'] ?? choice['message']);
    said.say(message['content']);
    said.think(message['reasoning_content']);
    list(message['tool_calls']).forEach((call, i) => {
      const { name, arguments: args } = fields(call['function']);
      said.call(`${index}/${String(call['index'] ?? i)}`, text(name), text(args));
    });
    said.end(index, choice['finish_reason']);
  }
}

function takeCompletion(said: Said, part: Fields): void {
  for (const choice of list(part['choices'])) {
    said.say(choice['text']);
    said.end(String(choice['index'] ?? 0), choice['finish_reason']);
  }
}

function takeMessages(said: Said, part: Fields): void {
  const take = (block: Fields, key: string): void => {
    if (block['type'] === 'text') said.say(block['text']);
    else if (block['type'] === 'thinking') said.think(block['thinking']);
    else if (block['type'] === 'tool_use') {
      const input = JSON.stringify(block['input'] ?? {});
      said.call(key, text(block['name']), input === '{}' && part['type'] !== 'message' ? '' : input);
    }
  };
  const key = String(part['index'] ?? 0);
  const delta = fields(part['delta']);
  if (part['type'] === 'message') list(part['content']).forEach((block, i) => take(block, String(i)));
  if (part['type'] === 'content_block_start') take(fields(part['content_block']), key);
  if (delta['type'] === 'text_delta') said.say(delta['text']);
  if (delta['type'] === 'thinking_delta') said.think(delta['thinking']);
  if (delta['type'] === 'input_json_delta') said.call(key, '', text(delta['partial_json']));
  said.end('0', part['stop_reason'] ?? delta['stop_reason']);
}

function takeResponses(said: Said, part: Fields): void {
  const isWhole = part['object'] === 'response';
  const item = (one: Fields, key: string): void => {
    if (one['type'] === 'function_call' || one['type'] === 'custom_tool_call')
      said.wholeCall(key, text(one['name']), text(one['arguments'] ?? one['input']));
    if (!isWhole) return; // text of a stream came as deltas
    for (const content of list(one['content'])) {
      if (one['type'] === 'reasoning') said.think(content['text']);
      else said.say(content['text']);
    }
  };
  if (isWhole) list(part['output']).forEach((one, i) => item(one, String(i)));
  if (part['type'] === 'response.output_text.delta') said.say(part['delta']);
  if (part['type'] === 'response.reasoning_text.delta' || part['type'] === 'response.reasoning_summary_text.delta')
    said.think(part['delta']);
  if (part['type'] === 'response.output_item.done') item(fields(part['item']), String(part['output_index']));
  if (isWhole) said.end('0', part['status']);
  else if (/^response\.(completed|incomplete|failed)$/.test(text(part['type']))) said.end('0', fields(part['response'])['status']);
}

function takeTurn(said: Said, part: Fields): void {
  said.say(part['text']);
  said.end('0', part['finish_reason']);
}

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
