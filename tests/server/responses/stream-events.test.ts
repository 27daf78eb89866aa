/** Whatever is said, the events are in order, and the response is what they add up to, by the vendor's own reckoning. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, test } from 'vitest';
import type { ConversationEvent } from '../../../src/core/answers/answerer.js';
import { ThinkingSeal } from '../../../src/core/answers/thinking-seal.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import type { ResponseStream, StreamEvent } from '../../../src/server/responses/stream-events.js';
import { callEvents, FINISHED, RESPONSE_ID, streamFor } from './given.js';

function* told(stream: ResponseStream, events: readonly ConversationEvent[]): Generator<StreamEvent, void> {
  yield* stream.begin();
  for (const event of events) yield* stream.take(event);
}

/** As the vendor's SDK adds them up. */
function addedUp(events: readonly StreamEvent[]): Response {
  let response: Response | undefined;
  for (const event of events) response = accumulateResponse(event as unknown as ResponseStreamEvent, response);
  return response!;
}

const logprob = (text: string) => ({ token: 1, bytes: Buffer.from(text), logprob: -0.5, top: [] });

const piece = fc.oneof(
  fc.string({ minLength: 1 }).map((text): ConversationEvent[] => [
    { type: 'logprob', logprob: logprob(text) },
    { type: 'text', text },
  ]),
  fc.string({ minLength: 1 }).map((text): ConversationEvent[] => [{ type: 'thinking', text }]),
  fc
    .tuple(fc.constantFrom('get_weather', 'agents__get_weather', 'made_up'), fc.array(fc.string()))
    .map(([name, parts]) => callEvents(name, parts)),
  fc.string().map((text) => callEvents('apply_patch', [...JSON.stringify({ input: text })])),
);
const said = fc.array(piece, { maxLength: 8 }).map((pieces) => {
  let calls = -1;
  return pieces.flat().map((event) => {
    if (event.type === 'call') calls += 1;
    return 'index' in event ? { ...event, index: calls } : event;
  });
});
const body = fc.record({
  reasoning: fc.constantFrom({}, { summary: 'auto' }),
});
const seal = new ThinkingSeal(new Uint8Array(32).fill(7));

describe('ResponseStream', () => {
  test('gives a valid sequence of events for anything that is said, and what they add up to', () => {
    fc.assert(
      fc.property(said, body, fc.boolean(), fc.boolean(), (events, given, isCut, isSealed) => {
        const stream = streamFor(given, { logprobs: true, seal: isSealed ? seal.encrypt : null });
        const sent = [...told(stream, [...events, { ...FINISHED, reason: isCut ? 'length' : 'stop' }])];
        assertInOrder(sent, isCut ? 'incomplete' : 'completed');
        const { output_text, ...sum } = addedUp(sent);
        expect(sum).toEqual(stream.response());
        const texts = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
        expect(output_text).toBe(texts.join(''));
        const { output } = stream.response();
        expect(new Set(output.map(({ id }) => id)).size).toBe(output.length);
      }),
    );
  });

  test('deltas add up to what is done, item by item', () => {
    fc.assert(
      fc.property(said, body, (events, given) => {
        const sent = [...told(streamFor(given), [...events, FINISHED])];
        const sums = new Map<unknown, string>();
        for (const event of sent) {
          const { item_id: id, delta } = event as { readonly item_id?: string; readonly delta?: string };
          if (delta !== undefined) sums.set(id, (sums.get(id) ?? '') + delta);
          if (/(text|arguments|input)\.done$/.test(event.type)) {
            expect(event['text'] ?? event['arguments'] ?? event['input']).toBe(sums.get(id) ?? '');
          }
        }
      }),
    );
  });

  test('a stream that breaks anywhere ends with response.failed, and keeps what was said', () => {
    fc.assert(
      fc.property(said, fc.nat(60), (events, most) => {
        const stream = streamFor();
        const sent = [...told(stream, events.slice(0, most))];
        sent.push(...stream.fail(new SemanticError('ShuttingDown', 'the daemon is stopping')));
        assertInOrder(sent, 'failed');
        expect(sent.at(-1)).toMatchObject({
          response: { status: 'failed', error: { code: 'server_error', message: 'the daemon is stopping' } },
        });
        expect([...stream.fail(new SemanticError('Internal', 'again'))]).toEqual([]);
      }),
    );
  });

  test('response.in_progress may come again anywhere: it holds what was said so far', () => {
    fc.assert(
      fc.property(said, (events) => {
        const stream = streamFor();
        const sent: StreamEvent[] = [];
        for (const event of told(stream, [...events, FINISHED])) {
          sent.push(event);
          if (!stream.isOver && sent.length > 1) sent.push(stream.goesOn());
        }
        const numbers = sent.map(({ sequence_number: number }) => number);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        const { output_text: _, ...sum } = addedUp(sent);
        expect(sum).toEqual(stream.response());
      }),
    );
  });

  test.each([
    ['text', [{ type: 'thinking', text: 'Thinking.' } as const, { type: 'text', text: 'Stub answer 1: the word is ORCHID.' } as const]],
    ['tool', [{ type: 'thinking', text: 'Thinking.' } as const, ...callEvents('get_weather', ['{"locat', 'ion":"read the file"}'])]],
  ])('has every field of the golden %s stream', (name, events) => {
    const golden = readFileSync(new URL(`../../fixtures/wire/responses-${name}.sse`, import.meta.url), 'utf8');
    const wanted = golden
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice(6)) as StreamEvent);
    const request = { reasoning: { summary: 'auto' }, tools: [toolOf(wanted[0]!)] };
    const sent = [...told(streamFor(request), [...events, FINISHED])];
    expect(withoutRepeats(sent.map(({ type }) => type))).toEqual(withoutRepeats(wanted.map(({ type }) => type)));
    for (const event of wanted) {
      const ours = sent.find(({ type, output_index }) => type === event.type && output_index === event['output_index']);
      expect(fieldsOf(ours)).toEqual(expect.arrayContaining(fieldsOf(event)));
    }
    const whole = JSON.parse(readFileSync(new URL(`../../fixtures/wire/responses-${name}.json`, import.meta.url), 'utf8')) as object;
    const stream = streamFor(request);
    for (const _ of told(stream, [...events, FINISHED])); // the stream remembers
    expect(fieldsOf(stream.response())).toEqual(expect.arrayContaining(fieldsOf(whole)));
  });

  test('a custom tool is called with text, and a tool of a namespace by its own name', () => {
    const stream = streamFor();
    const events = [...callEvents('apply_patch', ['{"input": "*** Begin', ' Patch\\n"}']), ...callEvents('agents__get_weather', ['{}'], 1)];
    const sent = [...told(stream, [...events, { ...FINISHED, reason: 'tool_calls' }])];
    expect(sent.filter(({ type }) => type.startsWith('response.custom_tool_call_input')).map(({ delta, input }) => delta ?? input)).toEqual(
      ['*** Begin', ' Patch\n', '*** Begin Patch\n'],
    );
    expect(stream.response()).toMatchObject({
      status: 'completed',
      output: [
        { type: 'custom_tool_call', name: 'apply_patch', input: '*** Begin Patch\n', call_id: 'call_0', status: 'completed' },
        { type: 'function_call', name: 'get_weather', namespace: 'agents', arguments: '{}', call_id: 'call_1' },
      ],
    });
  });

  test('a call that max_output_tokens cut off is incomplete', () => {
    const stream = streamFor();
    for (const _ of told(stream, [...callEvents('get_weather', ['{"loc']), { ...FINISHED, reason: 'length' }])); // the stream remembers
    expect(stream.response()).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ type: 'function_call', status: 'incomplete', arguments: '{"loc' }],
    });
  });

  test('what was thought is sealed where that is asked for, and is known again', () => {
    const stream = streamFor({}, { seal: seal.encrypt });
    for (const _ of told(stream, [{ type: 'thinking', text: 'So: Bern.' }, FINISHED])); // the stream remembers
    const [item] = stream.response().output;
    expect(item).toMatchObject({ type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'So: Bern.' }] });
    expect(seal.decrypt(item!['encrypted_content'] as string)).toBe('So: Bern.');
  });
});

function assertInOrder(sent: readonly StreamEvent[], end: string): void {
  expect(sent.map(({ sequence_number: number }) => number)).toEqual(sent.map((_, i) => i));
  expect(sent.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
  expect(sent.at(-1)!.type).toBe(`response.${end}`);
  let open: string | null = null;
  let index = -1;
  for (const event of sent) {
    if (event.type.endsWith('output_item.added')) {
      expect(open).toBeNull();
      open = (event['item'] as { id: string }).id;
      expect(event['output_index']).toBe((index += 1));
    } else if (event.type.endsWith('output_item.done')) {
      expect(event).toMatchObject({ item: { id: open }, output_index: index });
      open = null;
    } else if ('response' in event) {
      expect(event['response']).toMatchObject({ id: RESPONSE_ID, object: 'response' });
    } else {
      expect(event).toMatchObject({ item_id: open, output_index: index });
    }
  }
  expect(open).toBeNull();
}

function toolOf(event: StreamEvent): object {
  return (event['response'] as { tools: object[] }).tools[0]!;
}

function withoutRepeats(types: readonly string[]): string[] {
  return types.filter((type, i) => type !== types[i - 1]);
}

/** Paths of all fields, whatever their values. */
function fieldsOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((inner) => fieldsOf(inner, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, inner]) => [`${at}.${key}`, ...fieldsOf(inner, `${at}.${key}`)]);
}
