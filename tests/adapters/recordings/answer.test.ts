import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { answerOf } from '../../../src/adapters/recordings/answer.js';
import type { SentEvent } from '../../../src/adapters/recordings/format.js';

const golden = (name: string): string => readFileSync(new URL(`../../fixtures/wire/${name}`, import.meta.url), 'utf8');
const events = (name: string): SentEvent[] =>
  golden(name)
    .split('\n\n')
    .flatMap((frame) => {
      const data = frame.split('\n').find((line) => line.startsWith('data: '));
      return data === undefined ? [] : [{ at: 0, event: null, data: data.slice('data: '.length) }];
    });

/** Bodies and streams that every client accepts: fixtures/wire. */
describe.each([
  ['anthropic', '/v1/messages?beta=true'],
  ['chat', '/v1/chat/completions'],
  ['responses', '/v1/responses'],
] as const)('answerOf() of %s', (dialect, path) => {
  test.each(['text', 'tool'])('a stream with %s says what the body says', (kind) => {
    const body = answerOf({ path, status: 200, answer: JSON.parse(golden(`${dialect}-${kind}.json`)), events: null });
    const stream = answerOf({ path, status: 200, answer: null, events: events(`${dialect}-${kind}.sse`) });
    expect(body).not.toBe(null);
    expect([stream?.text, stream?.calls.map(({ name }) => name), stream?.finish]).toEqual([
      body?.text,
      body?.calls.map(({ name }) => name),
      body?.finish,
    ]);
    expect(stream?.calls.map((call) => JSON.parse(call.arguments) as unknown)).toEqual(
      body?.calls.map((call) => JSON.parse(call.arguments) as unknown),
    );
    expect(body!.calls).toHaveLength(kind === 'tool' ? 1 : 0);
  });
});

test('errors, and paths of no model, are no answers', () => {
  const answer = { choices: [{ index: 0, text: 'x', finish_reason: 'stop' }] };
  expect(answerOf({ path: '/v1/completions', status: 200, answer, events: null })?.text).toBe('x');
  expect(answerOf({ path: '/v1/completions', status: 400, answer, events: null })).toBe(null);
  expect(answerOf({ path: '/v1/models', status: 200, answer, events: null })).toBe(null);
});
