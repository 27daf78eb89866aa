/** Items as they are kept and listed: each with a type and an id, a message with its parts. */
import { type RawItem } from './schema.js';

export interface Item {
  readonly type: string;
  readonly id: string;
  readonly [field: string]: unknown;
}

/** An item of a conversation. What the model thought is its own where we have kept it ourselves; else its seal has to say so. */
export interface HeardItem {
  readonly item: Item;
  readonly isKept: boolean;
  /** The field it came in. */
  readonly at: string;
}

const ID_PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  custom_tool_call: 'ctc',
  function_call_output: 'fco',
  custom_tool_call_output: 'cto',
};

/** Of the n-th item of a response; `of` says whether of its input or its output. It names the response, so that a reference finds it. */
export function itemId(type: string, responseId: string, of: 'i' | 'o', n: number): string {
  return `${ID_PREFIXES[type] ?? 'item'}_${responseId.slice(RESPONSE_PREFIX.length)}${of}${n}`;
}

const RESPONSE_PREFIX = 'resp_';
const OURS = /^[a-z]+_([0-9a-f]{48})[io]\d+$/;

/** The response that an item of this id is of; null where the id is not one of ours. */
export function responseOfItem(id: string): string | null {
  const hex = OURS.exec(id)?.[1];
  return hex === undefined ? null : RESPONSE_PREFIX + hex;
}

/** `body` is the `input` of a request. */
export function toItems(body: string | readonly RawItem[] | null | undefined, responseId: string): Item[] {
  const raw: readonly RawItem[] = typeof body === 'string' ? [{ type: 'message', role: 'user', content: body }] : (body ?? []);
  return raw.map((item, n) => {
    const type = item.type ?? ('role' in item ? 'message' : '');
    const id = typeof item['id'] === 'string' && item['id'] !== '' ? item['id'] : itemId(type, responseId, 'i', n);
    const { role, content } = item;
    if (type !== 'message' || typeof content !== 'string') return { ...item, type, id };
    const part =
      role === 'assistant' ? { type: 'output_text', text: content, annotations: [], logprobs: [] } : { type: 'input_text', text: content };
    return { ...item, type, id, status: 'completed', content: [part] };
  });
}
