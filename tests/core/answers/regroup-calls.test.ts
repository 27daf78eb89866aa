import { expect, test } from 'vitest';
import type { ConversationMessage, ToolCall } from '../../../src/core/answers/conversation.js';
import { EmittedAnswers } from '../../../src/core/answers/emitted-answers.js';
import { regroupCalls } from '../../../src/core/answers/regroup-calls.js';

const call = (id: string): ToolCall => ({ id, name: 'weather', arguments: `{"city":"${id}"}` });
const says = (text: string, ...ids: string[]): ConversationMessage => ({ role: 'assistant', text, thinking: null, calls: ids.map(call) });
const result = (callId: string): ConversationMessage => ({ role: 'tool', callId, text: 'Sunny.' });
const asks = (text: string): ConversationMessage => ({ role: 'user', text });

function emitted(...answers: (readonly string[])[]): EmittedAnswers {
  const known = new EmittedAnswers({ most: 10, records: null, model: '' });
  for (const ids of answers) known.remember({ raw: ids.join(), text: '', calls: ids.map(call) }, null);
  return known;
}

test('calls of one answer that come back with their results between them are one answer again', () => {
  const told = [asks('?'), says('Well.', 'a'), result('a'), says('', 'b', 'c'), result('b'), result('c'), asks('!'), says('Yes.')];
  expect(regroupCalls(told, emitted(['a', 'b', 'c']))).toEqual([
    asks('?'),
    says('Well.', 'a', 'b', 'c'),
    result('a'),
    result('b'),
    result('c'),
    asks('!'),
    says('Yes.'),
  ]);
});

test.each<[string, ConversationMessage[]]>([
  ['come back together', [says('', 'a', 'b'), result('a'), result('b')]],
  ['are not all there', [says('', 'a'), result('a')]],
  ['have something said between them', [says('', 'a'), result('a'), says('And', 'b'), result('b')]],
  ['have a question between them', [says('', 'a'), result('a'), asks('And?'), says('', 'b'), result('b')]],
  ['come back in another order', [says('', 'a'), result('a'), says('', 'c'), result('c'), says('', 'b'), result('b')]],
])('calls that %s stay as they are', (_, told) => {
  expect(regroupCalls(told, emitted(['a', 'b']))).toBe(told);
});

test('calls of two answers stay two, and so do those of an answer that is not known', () => {
  const told = [says('', 'a'), result('a'), says('', 'b'), result('b')];
  expect(regroupCalls(told, emitted(['a'], ['b']))).toBe(told);
  expect(regroupCalls(told, emitted())).toBe(told);
});
