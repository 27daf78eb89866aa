/** Whatever an answer is made of: its stream is one, and says what its body says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConversationEvent, FinishedConversation } from '../../../src/core/answers/answerer.js';
import { contentOf, messageBody } from '../../../src/server/messages/bodies.js';
import { MessageStream } from '../../../src/server/messages/stream-events.js';
import { type ThinkingDisplay, thinkingDisplay } from '../../../src/server/messages/thinking-display.js';
import { countTokensSchema } from '../../../src/server/messages/schema.js';
import { toPrompt } from '../../../src/server/messages/to-conversation.js';
import { parseBody } from '../../../src/server/request-body.js';
import { ThinkingSeal } from '../../../src/core/answers/thinking-seal.js';
import { assertValid } from '../../support/wire.js';
import { accumulate, type Message } from './messages-api.js';

const HEAD = { id: 'msg_1', model: 'm' };
const MAX_TOKENS = 100;
const DISPLAY: ThinkingDisplay = { shown: (thinking) => thinking, signature: (thinking) => `signed:${thinking.length}` };

/** A part of an answer, and the sizes of the pieces in which it comes. */
type Part =
  | { readonly type: 'text' | 'thinking'; readonly text: string; readonly cuts: readonly number[] }
  | { readonly type: 'call'; readonly name: string; readonly json: string; readonly isCut: boolean; readonly cuts: readonly number[] };

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const cuts = fc.array(fc.nat(20), { maxLength: 4 });
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ type: fc.constantFrom('text' as const, 'thinking' as const), text: words, cuts }),
  fc.record({
    type: fc.constant('call' as const),
    name: fc.constantFrom('read', 'write'),
    json: fc.dictionary(words, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }).map((value) => JSON.stringify(value)),
    isCut: fc.boolean(),
    cuts,
  }),
);
const usage = fc.record({
  promptTokens: fc.integer({ min: 1, max: 9000 }),
  cachedTokens: fc.nat(9000),
  completionTokens: fc.integer({ min: 1, max: MAX_TOKENS }),
  thinkingTokens: fc.nat(50),
});
const reason = fc.constantFrom('stop' as const, 'stop_string' as const, 'length' as const);

/** Only the last call can be cut off: nothing comes after it. */
function eventsOf(
  parts: readonly Part[],
  used: FinishedConversation['usage'],
  ended: 'stop' | 'stop_string' | 'length',
): ConversationEvent[] {
  const { promptTokens, cachedTokens } = used;
  const events: ConversationEvent[] = [
    { type: 'queued', promptTokens },
    { type: 'started', promptTokens, cachedTokens, cache: { cause: null } as never },
  ];
  const calls: { id: string; name: string; arguments: string }[] = [];
  const said = { text: '', thinking: '' };
  for (const [i, one] of parts.entries()) {
    if (one.type !== 'call') {
      for (const text of pieces(one.text, one.cuts)) events.push({ type: one.type, text });
      said[one.type] += one.text;
      continue;
    }
    const index = calls.length;
    const json = one.isCut && i === parts.length - 1 ? one.json.slice(0, -1) : one.json;
    calls.push({ id: `toolu_${index}`, name: one.name, arguments: json });
    events.push({ type: 'call', index, id: `toolu_${index}`, name: one.name });
    for (const piece of pieces(json, one.cuts)) events.push({ type: 'arguments', index, json: piece });
    events.push({ type: 'call_end', index });
  }
  const finish = ended === 'stop' && calls.length > 0 ? 'tool_calls' : ended;
  const stopString = ended === 'stop_string' ? '###' : null;
  events.push({ type: 'finished', reason: finish, stopString, usage: used, answer: { ...said, calls } });
  return events;
}

function pieces(text: string, at: readonly number[]): string[] {
  const borders = [0, ...at.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
  return borders.slice(1).map((end, i) => text.slice(borders[i], end));
}

test('blocks come one after another, counted from 0, and what they add up to is the body', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), usage, reason, (parts, used, ended) => {
      const events = eventsOf(parts, { ...used, cachedTokens: Math.min(used.cachedTokens, used.promptTokens) }, ended);
      const stream = new MessageStream(HEAD, DISPLAY, MAX_TOKENS);
      const message = accumulate(events.flatMap((event) => [...stream.take(event)]));
      const finished = events.at(-1) as FinishedConversation;
      const body = messageBody(HEAD, contentOf(finished.answer, DISPLAY), finished.usage, {
        ...finished,
        maxTokens: MAX_TOKENS,
      }) as Message;
      assertValid('AMessage', body);
      expect(joined(message)).toEqual(joined(body));
      expect(ended !== 'length' || /max_tokens|context/.test(message.stop_reason)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

/** A stream has a block wherever the kind changes, a body one for all the text and one for all the thinking. */
function joined({ content, ...message }: Message): object {
  const of = (key: 'text' | 'thinking'): string => content.map((block) => block[key] ?? '').join('');
  return { ...message, text: of('text'), thinking: of('thinking'), calls: content.filter(({ type }) => type === 'tool_use') };
}

test('an answer that had no more room says so, and one that had its tokens too', () => {
  const ending = (completionTokens: number): string => {
    const events = eventsOf([], { promptTokens: 9, cachedTokens: 0, completionTokens, thinkingTokens: 0 }, 'length');
    const stream = new MessageStream(HEAD, DISPLAY, MAX_TOKENS);
    return accumulate(events.flatMap((event) => [...stream.take(event)])).stop_reason;
  };
  expect([ending(MAX_TOKENS), ending(MAX_TOKENS - 1)]).toEqual(['max_tokens', 'model_context_window_exceeded']);
});

test.each(['omitted', 'summarized'] as const)('thinking that is %s is shown so, in both forms, and comes back as it was', (how) => {
  const seal = new ThinkingSeal(new Uint8Array(32).fill(1));
  const display = thinkingDisplay(seal, how);
  const events = eventsOf(
    [
      { type: 'thinking', text: 'They ask.', cuts: [4] },
      { type: 'text', text: 'Well.', cuts: [] },
    ],
    { promptTokens: 9, cachedTokens: 0, completionTokens: 5, thinkingTokens: 2 },
    'stop',
  );
  const stream = new MessageStream(HEAD, display, MAX_TOKENS);
  const streamed = accumulate(events.flatMap((event) => [...stream.take(event)])).content;
  const body = contentOf((events.at(-1) as FinishedConversation).answer, display);
  for (const content of [streamed, body]) {
    const [thinking] = content as Message['content'];
    expect(thinking).toMatchObject({ type: 'thinking', thinking: how === 'omitted' ? '' : 'They ask.' });
    const messages = [
      { role: 'user', content: '?' },
      { role: 'assistant', content },
      { role: 'user', content: '!' },
    ];
    const { conversation } = toPrompt(parseBody(countTokensSchema, { model: 'm', messages }), seal);
    expect(conversation[1]).toEqual({ role: 'assistant', text: 'Well.', thinking: 'They ask.', calls: [] });
  }
});
