import fc from 'fast-check';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { expect, test } from 'vitest';
import type { ChoiceEvent } from '../../../src/core/answers/answer-choices.js';
import type { ConversationEvent } from '../../../src/core/answers/answerer.js';
import type { TokenLogprob } from '../../../src/core/domain/request.js';
import { ChatStream } from '../../../src/server/chat-completions/stream-events.js';
import { wholeAnswer } from '../../../src/server/chat-completions/whole-answer.js';

const text = fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' });
const logprob = fc.record({ token: fc.nat(100), logprob: fc.constant(-1) }).map(({ token, logprob: value }): TokenLogprob => {
  const entry = { token, bytes: Buffer.from(`t${token}`), logprob: value };
  return { ...entry, top: [entry] };
});
type Piece =
  | { readonly type: 'text' | 'thinking'; readonly text: string }
  | { readonly type: 'logprob'; readonly logprob: TokenLogprob }
  | { readonly type: 'call'; readonly name: string; readonly json: readonly string[] };
const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ type: fc.constantFrom('text' as const, 'thinking' as const), text }),
  fc.record({ type: fc.constant('logprob' as const), logprob }),
  fc.record({ type: fc.constant('call' as const), name: fc.stringMatching(/^[a-z]{1,8}$/), json: fc.array(text, { maxLength: 3 }) }),
);

/** What an answerer says of such pieces. */
function eventsOf(pieces: readonly Piece[], cut: boolean, choice: number): ChoiceEvent[] {
  const cache = { promptTokens: 9, cachedTokens: 4, createdTokens: 5, source: 'memory', miss: null } as const;
  const events: ConversationEvent[] = [{ type: 'started', promptTokens: 9, cachedTokens: 4, cache }];
  const calls: { readonly id: string; readonly name: string; readonly arguments: string }[] = [];
  for (const next of pieces) {
    if (next.type !== 'call') {
      events.push(next);
      continue;
    }
    const index = calls.length;
    const id = `call_${choice}_${index}`;
    calls.push({ id, name: next.name, arguments: next.json.join('') });
    events.push({ type: 'call', index, id, name: next.name });
    for (const json of next.json) events.push({ type: 'arguments', index, json });
    events.push({ type: 'call_end', index });
  }
  const said = (type: 'text' | 'thinking'): string => pieces.map((next) => (next.type === type ? next.text : '')).join('');
  const reason = cut ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop';
  const usage = { promptTokens: 9, cachedTokens: 4, completionTokens: pieces.length, thinkingTokens: 1 };
  const answer = { text: said('text'), thinking: said('thinking'), calls };
  events.push({ type: 'finished', reason, stopString: null, usage, answer });
  return events.map((event) => ({ ...event, choice }));
}

const answers = fc.array(fc.tuple(fc.array(piece, { maxLength: 8 }), fc.boolean()), { minLength: 1, maxLength: 3 });

/** The events of several answers in an order that keeps each one's own. */
function interleaved(lists: readonly (readonly ChoiceEvent[])[], order: readonly number[]): ChoiceEvent[] {
  const left = lists.map((list) => [...list]);
  const all: ChoiceEvent[] = [{ type: 'queued', promptTokens: 9, choice: 0 }];
  for (let at = 0; left.some((list) => list.length > 0); at += 1) {
    const open = left.filter((list) => list.length > 0);
    all.push(open[(order[at % order.length] ?? 0) % open.length]!.shift()!);
  }
  return all;
}

const order = fc.array(fc.nat(7), { minLength: 1, maxLength: 20 });
const head = { id: 'chatcmpl-1', created: 1, model: 'm' };

interface Body {
  readonly choices: readonly {
    readonly message: { readonly reasoning_content?: string };
    readonly logprobs: { readonly content: readonly object[] } | null;
  }[];
}

async function* each(events: readonly ChoiceEvent[]): AsyncGenerator<ChoiceEvent> {
  yield* events;
}

function chunksOf(events: readonly ChoiceEvent[], legacyFunctions: boolean): object[] {
  const stream = new ChatStream({ ...head, legacyFunctions }, true);
  return [...events.flatMap((event) => [...stream.take(event)]), ...stream.end()];
}

test('whatever is said, what the SDK makes of the chunks is the body', async () => {
  await fc.assert(
    fc.asyncProperty(answers, order, fc.boolean(), async (given, turns, legacyFunctions) => {
      const events = interleaved(
        given.map(([pieces, cut], choice) => eventsOf(pieces, cut, choice)),
        turns,
      );
      const body = JSON.parse(JSON.stringify(await wholeAnswer({ ...head, legacyFunctions }, each(events), given.length, true))) as Body;
      const chunks = chunksOf(events, legacyFunctions);
      const lines = new Response(chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join('')).body!;
      const gathered = JSON.parse(JSON.stringify(await ChatCompletionStream.fromReadableStream(lines).finalChatCompletion())) as Body;
      expect(withoutExtras(gathered)).toEqual(withoutExtras(body));
      // The SDK joins no fields of others: thinking is joined here.
      const thoughts = body.choices.map((_, index) =>
        deltasOf(chunks, index)
          .map((delta) => delta.reasoning_content ?? '')
          .join(''),
      );
      expect(thoughts).toEqual(body.choices.map(({ message }) => message.reasoning_content ?? ''));
    }),
  );
});

/** What the two forms say alike: a body has an empty list where a stream says nothing. */
function withoutExtras(body: Body): unknown {
  const { choices, object: _, ...rest } = body as Body & { object: string };
  return {
    ...rest,
    choices: choices.map(({ message, logprobs, ...choice }) => {
      const { reasoning_content: __, annotations: ___, parsed: ____, content, ...said } = message as Record<string, unknown>;
      const calls = said['tool_calls'] as { readonly function: Record<string, unknown> }[] | undefined;
      return {
        ...choice,
        message: { ...said, content: content === '' ? null : content, ...(calls && { tool_calls: calls.map(unparsed) }) },
        logprobs: logprobs?.content ?? [],
      };
    }),
  };
}

function unparsed(call: { readonly function: Record<string, unknown> }): object {
  const { parsed_arguments: _, ...said } = call.function;
  return { ...call, function: said };
}

interface Chunk {
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly role?: string; readonly content?: string; readonly reasoning_content?: string };
    readonly logprobs: { readonly content: readonly { readonly token: string }[] } | null;
    readonly finish_reason: string | null;
  }[];
  readonly usage: object | null;
}

const deltasOf = (chunks: readonly object[], index: number): Chunk['choices'][number]['delta'][] =>
  (chunks as Chunk[]).flatMap(({ choices }) => choices.filter((choice) => choice.index === index).map(({ delta }) => delta));

test('every choice begins with its role and ends, once, with its reason; usage comes last and with no choice', () => {
  fc.assert(
    fc.property(answers, order, fc.boolean(), (given, turns, legacyFunctions) => {
      const events = interleaved(
        given.map(([pieces, cut], choice) => eventsOf(pieces, cut, choice)),
        turns,
      );
      const chunks = chunksOf(events, legacyFunctions) as Chunk[];
      given.forEach((_, index) => {
        const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
        expect(own[0]?.delta.role).toBe('assistant');
        expect(own.map(({ finish_reason: reason }) => reason !== null)).toEqual(own.map((__, i) => i === own.length - 1));
      });
      expect(chunks.map(({ usage }) => usage !== null)).toEqual(chunks.map((_, i) => i === chunks.length - 1));
      expect(chunks.map(({ choices }) => choices.length)).toEqual(chunks.map((_, i) => Number(i < chunks.length - 1)));
    }),
  );
});

test('a token comes in the chunk of its text; tokens whose text is held back come with what lets it out', () => {
  const entry = (token: string): ChoiceEvent => ({
    type: 'logprob',
    choice: 0,
    logprob: { token: 0, bytes: Buffer.from(token), logprob: -1, top: [] },
  });
  const said = (content: string): ChoiceEvent => ({ type: 'text', text: content, choice: 0 });
  const chunks = chunksOf([entry('a'), said('a'), entry('\n'), entry('b'), said('\nb')], false) as Chunk[];
  expect(
    chunks.slice(0, 2).map(({ choices: [choice] }) => [choice?.delta.content, choice?.logprobs?.content.map(({ token }) => token)]),
  ).toEqual([
    ['a', ['a']],
    ['\nb', ['\n', 'b']],
  ]);
});
