import { expect, test } from 'vitest';
import { digestOf } from '../../../src/core/domain/prompt-digest.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

const system = { role: 'system', content: 'Be brief.' };
const user = { role: 'user', content: 'Hello' };
const [add, subtract] = ['add', 'subtract'].map((name) => ({ type: 'function', function: { name } }));
const of = (messages: readonly { role: string; content: string | null }[], tools: readonly unknown[] = []) =>
  digestOf({ messages, tools }, sha256);

test('each part has a hash of its own: one that changes leaves the others', () => {
  const base = of([system, user], [add, subtract]);
  const { messages, ...rest } = base;
  expect(of([system, user], [add, subtract])).toEqual(base);
  expect(of([system, user, user], [add, subtract])).toEqual({ ...rest, messages: [...messages, messages[1]] });
  const otherSystem = of([{ ...system, content: 'Be long.' }, user], [add, subtract]);
  expect(otherSystem).toEqual({ ...base, system: otherSystem.system, messages: [otherSystem.messages[0], messages[1]] });
  expect(otherSystem.system).not.toBe(base.system);
  const reordered = of([system, user], [subtract, add]);
  expect(reordered).toEqual({ ...base, tools: reordered.tools });
  expect(reordered.tools).not.toBe(base.tools);
  const fewer = of([system, user], [add]);
  expect(fewer).toEqual({ ...base, tools: fewer.tools, toolSet: fewer.toolSet });
  expect(fewer.toolSet).not.toBe(base.toolSet);
});

test('a system message later on is a message like others', () => {
  const base = of([system, user]);
  const later = of([system, user, system]);
  expect(later.system).toBe(base.system);
  expect(of([system, { role: 'developer', content: 'x' }, user]).system).not.toBe(base.system);
  expect(of([system]).system).toBe(base.system);
  expect(of([user]).system).toBe(of([]).system);
});

test('the order of fields and fields that say nothing make no difference, any other field does', () => {
  const answer = { role: 'assistant', content: 'Hi' };
  const hash = (message: { role: string; content: string | null; [key: string]: unknown }): string => of([message]).messages[0]!;
  expect(hash({ content: 'Hi', refusal: null, tool_calls: [], role: 'assistant' })).toBe(hash(answer));
  expect(hash({ ...answer, name: 'x' })).not.toBe(hash(answer));
  expect(hash({ ...answer, content: 'Hi ' })).not.toBe(hash(answer));
});
