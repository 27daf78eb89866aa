import { describe, expect, test } from 'vitest';
import { Predecessors } from '../../../src/adapters/recordings/predecessors.js';
import { exchangeOf, said } from './exchanges.js';

const user = (content: unknown): object => ({ role: 'user', content });
const assistant = (content: unknown): object => ({ role: 'assistant', content });

describe('Predecessors', () => {
  test('an answer is known again by its text, as a string or as a list', () => {
    const known = new Predecessors();
    known.answered(exchangeOf({ id: 1, body: { messages: [user('Hi')] }, answer: said('msg_1', 'Hello there.') }));
    for (const content of ['Hello there.', [{ type: 'text', text: 'Hello there.' }]])
      expect(known.find({ id: 2, path: '/v1/messages', body: { messages: [user('Hi'), assistant(content), user('And?')] } })).toBe(1);
    expect(known.find({ id: 2, path: '/v1/messages', body: { messages: [user('other')] } })).toBe(null);
  });

  test('of several answers in a body the last one counts', () => {
    const known = new Predecessors();
    known.answered(exchangeOf({ id: 1, body: { messages: [user('Hi')] }, answer: said('msg_1', 'One.') }));
    known.answered(
      exchangeOf({ id: 2, body: { messages: [user('Hi'), assistant('One.'), user('Go on')] }, answer: said('msg_2', 'Two.') }),
    );
    const body = { messages: [user('Hi'), assistant('One.'), user('Go on'), assistant('Two.'), user('And?')] };
    expect(known.find({ id: 3, path: '/v1/messages', body })).toBe(2);
  });

  test('ids of calls and of stored responses say it where there is no text', () => {
    const known = new Predecessors();
    const call = { id: 'call_7', type: 'function', function: { name: 'f', arguments: '{}' } };
    const choices = [{ index: 0, message: { role: 'assistant', content: null, tool_calls: [call] }, finish_reason: 'tool_calls' }];
    known.answered(exchangeOf({ id: 1, path: '/v1/chat/completions', answer: { id: 'chatcmpl-1', choices } }));
    const created = JSON.stringify({ type: 'response.created', response: { id: 'resp_9' } });
    known.answered(exchangeOf({ id: 2, path: '/v1/responses', events: [{ at: 1, event: null, data: created }] }));
    const result = { role: 'tool', tool_call_id: 'call_7', content: 'x' };
    expect(known.find({ id: 3, path: '/v1/chat/completions', body: { messages: [user('Hi'), result] } })).toBe(1);
    expect(known.find({ id: 4, path: '/v1/responses', body: { input: 'Go on', previous_response_id: 'resp_9' } })).toBe(2);
  });

  test('a text that came behind a call is what is gone on from', () => {
    const known = new Predecessors();
    known.answered(
      exchangeOf({ id: 1, answer: { type: 'message', content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }] } }),
    );
    known.answered(exchangeOf({ id: 2, answer: said('msg_2', 'Sunny.') }));
    const use = assistant([{ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }]);
    const result = user([{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }]);
    const find = (...messages: object[]): number | null => known.find({ id: 3, path: '/v1/messages', body: { messages } });
    expect([find(use, result), find(use, result, assistant('Sunny.'), user('And?'))]).toEqual([1, 2]);
  });

  test('where answers are not known the longest conversation that goes on counts, wherever it is marked to be cached', () => {
    const known = new Predecessors();
    const marked = [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }];
    known.answered(exchangeOf({ id: 1, body: { messages: [user(marked)] } }));
    known.answered(exchangeOf({ id: 2, body: { messages: [user('Hi'), assistant('A'), user('B')] } }));
    const find = (messages: object[], id = 3): number | null => known.find({ id, path: '/v1/messages', body: { messages } });
    expect(find([user('Hi'), assistant('A'), user('B'), assistant('C'), user('D')])).toBe(2);
    expect(find([user('Hi'), assistant('Z')])).toBe(1);
    expect(find([user('Hi')])).toBe(null);
  });

  test('turns of an agent follow one another, and its creation', () => {
    const known = new Predecessors();
    known.answered(exchangeOf({ id: 1, path: '/v1/agents', answer: { id: 'a', object: 'agent' } }));
    expect(known.find({ id: 2, path: '/v1/agents/a/generate', body: { input: 'Hi' } })).toBe(1);
    known.answered(exchangeOf({ id: 2, path: '/v1/agents/a/generate', body: { input: 'Hi' } }));
    expect(known.find({ id: 3, path: '/v1/agents/a/fork', body: null })).toBe(2);
  });

  test('nothing goes on from what came later', () => {
    const known = new Predecessors();
    known.answered(exchangeOf({ id: 5, body: { messages: [user('Hi')] }, answer: said('msg_5', 'Hello.') }));
    expect(known.find({ id: 4, path: '/v1/messages', body: { messages: [user('Hi'), assistant('Hello.'), user('x')] } })).toBe(null);
  });
});
