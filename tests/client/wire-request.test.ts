import { expect, test } from 'vitest';
import { wireRequest } from '../../src/client/wire-request.js';
import type { OutputConstraint } from '../../src/core/domain/output-constraint.js';
import { type GenerationRequest, NOBODYS_KV } from '../../src/core/domain/request.js';
import { GREEDY } from '../../src/core/domain/sampling.js';
import { parseBody } from '../../src/server/request-body.js';
import { chatCompletionSchema } from '../../src/server/chat-completions/schema.js';
import { toChatCompletionRequest } from '../../src/server/chat-completions/to-request.js';

const request: GenerationRequest = {
  messages: [{ role: 'user', content: 'Hi' }],
  tools: [],
  sampling: GREEDY,
  logprobs: false,
  maxTokens: 8,
  stopStrings: [],
  stopTokenIds: [],
  ignoreEos: false,
  ...NOBODYS_KV,
};
const defaults = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_stop_strings: 16 };
const arrived = (constraint?: OutputConstraint): OutputConstraint | undefined => {
  const body = parseBody(chatCompletionSchema, wireRequest('m', constraint === undefined ? request : { ...request, constraint }));
  return toChatCompletionRequest(body, {}, defaults, 100, { scope: 'local', persist: 'ram' }).request.constraint;
};

test.each<OutputConstraint>([
  { kind: 'json_object' },
  { kind: 'json_schema', schema: { type: 'integer' } },
  { kind: 'regex', pattern: 'a+' },
  { kind: 'grammar', source: 'root ::= "a"' },
])('a constraint arrives as it was sent: %j', (constraint) => {
  expect(arrived(constraint)).toEqual(constraint);
});

test('no constraint arrives as none', () => {
  expect(arrived()).toBeUndefined();
});

test('a constraint that the wire cannot carry is refused', () => {
  const syntax = { open: '', before: '', between: '', after: '', separator: '', close: '' };
  expect(() => arrived({ kind: 'tool_calls', tools: [], syntax, parallel: false })).toThrow('cannot be sent');
});

test('so is a prompt without messages', () => {
  expect(() => wireRequest('m', { ...request, messages: [], prompt: 'Once' })).toThrow('cannot be sent');
});
