/** The Messages API of a daemon, as tests use it, and what its streams come to. */
import Anthropic from '@anthropic-ai/sdk';
import type { TestDaemon } from '../../support/daemon.js';
import { assertValid, sseEvents } from '../../support/wire.js';

export interface Block {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly signature?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: Readonly<Record<string, unknown>>;
}

export interface Message {
  readonly content: readonly Block[];
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly usage: Usage;
}

export interface Usage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
}

export function anthropic(daemon: TestDaemon): Anthropic {
  return new Anthropic({ baseURL: daemon.summary.address, apiKey: 'none', maxRetries: 0 });
}

export function post(daemon: TestDaemon, path: string, body: object, init: RequestInit = {}): Promise<Response> {
  return fetch(`${daemon.summary.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', ...body }),
    ...init,
  });
}

/** A body, valid against its schema. */
export async function create(daemon: TestDaemon, body: object): Promise<Message> {
  const response = await post(daemon, '/v1/messages', body);
  const json: unknown = await response.json();
  if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(json)}`);
  assertValid('AMessage', json);
  return json as Message;
}

export function promptTokens({ input_tokens: fresh, cache_creation_input_tokens: kept, cache_read_input_tokens: found }: Usage): number {
  return fresh + kept + found;
}

type Data = Readonly<Record<string, unknown>>;

/**
 * What a client makes of a stream: the message, as a body would say it. Throws where the stream is not one: an event that its schema does
 * not know, blocks that overlap, an order that is not theirs, arguments that are no JSON though the call was complete.
 */
export function accumulate(events: readonly Data[]): Message {
  let message: Record<string, unknown> | null = null;
  const content: Block[] = [];
  let open: { block: Record<string, unknown>; json: string } | null = null;
  let isOver = false;
  const wanted = (holds: boolean, event: Data): void => {
    if (!holds) throw new Error(`out of place: ${JSON.stringify(event)} of ${JSON.stringify(events)}`);
  };
  for (const event of events) {
    if (event['type'] === 'ping') continue;
    assertValid('AStreamEvent', event);
    wanted(!isOver, event);
    if (event['type'] === 'message_start') {
      wanted(message === null, event);
      message = { ...(event['message'] as Data) };
      continue;
    }
    wanted(message !== null, event);
    if (event['type'] === 'content_block_start') {
      wanted(open === null && event['index'] === content.length, event);
      open = { block: { ...(event['content_block'] as Data) }, json: '' };
    } else if (event['type'] === 'content_block_delta') {
      wanted(open !== null && event['index'] === content.length, event);
      add(open!, event['delta'] as Data);
    } else if (event['type'] === 'content_block_stop') {
      wanted(open !== null && event['index'] === content.length, event);
      const { block, json } = open!;
      if (block['type'] === 'tool_use') block['input'] = parsed(json);
      content.push(block as unknown as Block);
      open = null;
    } else if (event['type'] === 'message_delta') {
      wanted(open === null, event);
      Object.assign(message!, event['delta']);
      message!['usage'] = { ...(message!['usage'] as Data), ...(event['usage'] as Data) };
    } else {
      wanted(event['type'] === 'message_stop' && open === null, event);
      isOver = true;
    }
  }
  if (!isOver) throw new Error(`the stream ended too early: ${JSON.stringify(events)}`);
  return { ...message, content } as unknown as Message;
}

function add(open: { block: Record<string, unknown>; json: string }, delta: Data): void {
  const { block } = open;
  if (delta['type'] === 'input_json_delta') open.json += String(delta['partial_json']);
  else if (delta['type'] === 'text_delta') block['text'] = String(block['text']) + String(delta['text']);
  else if (delta['type'] === 'thinking_delta') block['thinking'] = String(block['thinking']) + String(delta['thinking']);
  else block['signature'] = delta['signature'];
}

/** A call that was cut off has no arguments that parse. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return {};
  }
}

/** The events of a streamed answer, each under its own name. */
export function eventsOf(text: string): Data[] {
  return sseEvents(text).map(({ event, data }) => {
    if (event !== data['type']) throw new Error(`event ${event} has data of type ${String(data['type'])}`);
    return data;
  });
}
