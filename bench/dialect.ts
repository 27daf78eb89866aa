/** What the Messages dialect costs a request, apart from rendering and tokenising it; and how long a large body holds the event loop. */
import { readFileSync } from 'node:fs';

import { createChatTemplate } from '#src/adapters/chat-template/create-chat-template.js';
import { openTokenizer } from '#src/adapters/tokenizer/open-tokenizer.js';
import type { ConversationEvent } from '#src/core/answers/answerer.js';
import { EmittedAnswers } from '#src/core/answers/emitted-answers.js';
import { ThinkingSeal } from '#src/core/answers/thinking-seal.js';
import { toTemplateInput } from '#src/core/answers/to-chat-messages.js';
import { messagesSchema } from '#src/server/messages/schema.js';
import { MessageStream } from '#src/server/messages/stream-events.js';
import { thinkingDisplay } from '#src/server/messages/thinking-display.js';
import { toMessagesRequest } from '#src/server/messages/to-request.js';
import { parseBody } from '#src/server/request-body.js';

import { median } from '#src/bench/statistics/median.js';

/** Milliseconds, p50. */
export interface DialectCost {
  readonly bodyBytes: number;
  readonly promptTokens: number;
  /** JSON, schema, conversation, the template's input. */
  readonly reading: number;
  readonly rendering: number;
  readonly tokenising: number;
  /** The events of an answer of so many tokens. */
  readonly writing: number;
}

export const ANSWER_TOKENS = 100;

/** The first request of Claude Code as it was recorded, 50 kB. */
const RECORDED = new URL('../../../tests/fixtures/wire/requests/cc-tool/001.json', import.meta.url); // from bench/dist/bench

interface Body {
  readonly messages: readonly object[];
  readonly [key: string]: unknown;
}

function recordedBody(): Body {
  return (JSON.parse(readFileSync(RECORDED, 'utf8')) as { body: Body }).body;
}

/** The same conversation, gone on until its body has so many bytes. */
export function bodyOf(bytes: number): string {
  const body = recordedBody();
  const text = JSON.stringify(body.messages);
  const messages = [...body.messages];
  for (let size = JSON.stringify(body).length; size < bytes; size += text.length * 1.1) {
    messages.push({ role: 'assistant', content: `Part ${messages.length}.` }, { role: 'user', content: `${messages.length} ${text}` });
  }
  return JSON.stringify({ ...body, messages });
}

export async function dialectCost(model: string, rounds: number): Promise<DialectCost> {
  const { tokenizer, chatTemplate } = await openTokenizer(model);
  const template = await createChatTemplate(chatTemplate, RENDER_LIMIT_MS);
  const bytes = Buffer.from(JSON.stringify(recordedBody()));
  const seal = new ThinkingSeal(new Uint8Array(32));
  const emitted = new EmittedAnswers({ most: 1, records: null, model: '' });
  const times = { reading: [] as number[], rendering: [] as number[], tokenising: [] as number[], writing: [] as number[] };
  let promptTokens = 0;
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const body = parseBody(messagesSchema, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    const { request } = toMessagesRequest(body, {}, { sampling: SAMPLING, seal, persist: 'ram', scope: 'bench' });
    const input = toTemplateInput(request.conversation, request.tools, { knowsTools: false }, emitted);
    const read = performance.now();
    const text = await template.render({ messages: input.messages, addGenerationPrompt: true });
    const rendered = performance.now();
    const ids = await tokenizer.encodeInSlices(text, { addSpecialTokens: false });
    const tokenised = performance.now();
    const stream = new MessageStream({ id: 'msg_1', model: 'm' }, thinkingDisplay(seal, null), body.max_tokens);
    for (const event of answer(ids.length)) for (const data of stream.take(event)) JSON.stringify(data);
    times.writing.push(performance.now() - tokenised);
    times.reading.push(read - started);
    times.rendering.push(rendered - read);
    times.tokenising.push(tokenised - rendered);
    promptTokens = ids.length;
  }
  await template.close();
  const { reading, rendering, tokenising, writing } = times;
  return {
    bodyBytes: bytes.length,
    promptTokens,
    reading: median(reading),
    rendering: median(rendering),
    tokenising: median(tokenising),
    writing: median(writing),
  };
}

const RENDER_LIMIT_MS = 20_000;
const SAMPLING = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_stop_strings: 16 };

/** One token a piece. */
function answer(promptTokens: number): ConversationEvent[] {
  const cache = { cause: null } as unknown as Extract<ConversationEvent, { type: 'started' }>['cache'];
  const usage = { promptTokens, cachedTokens: 0, completionTokens: ANSWER_TOKENS, thinkingTokens: 0 };
  return [
    { type: 'queued', promptTokens },
    { type: 'started', promptTokens, cachedTokens: 0, cache },
    ...Array.from({ length: ANSWER_TOKENS }, () => ({ type: 'text', text: ' word' }) as const),
    { type: 'finished', reason: 'stop', stopString: null, usage, answer: { text: ' word'.repeat(ANSWER_TOKENS), thinking: '', calls: [] } },
  ];
}
