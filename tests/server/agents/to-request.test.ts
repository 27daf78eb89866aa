import { describe, expect, test } from 'vitest';
import { toChangedPolicy, toFork, toNewAgent, toRewind, toTurn } from '../../../src/server/agents/to-request.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { turnSchema } from '../../../src/server/agents/schema.js';
import { parseBody } from '../../../src/server/request-body.js';

const defaults = { temperature: 0.7, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_stop_strings: 2 };
const turn = (body: unknown) => toTurn(parseBody(turnSchema, body), {}, defaults, { model: 'm', vocabSize: 100 });

function refused(read: () => unknown): SemanticError {
  try {
    read();
  } catch (error) {
    if (error instanceof SemanticError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a new agent', () => {
  test('nothing at all is an agent: id and policy are made up elsewhere', () => {
    expect(toNewAgent(undefined)).toEqual({ messages: [], tools: [], policy: {} });
  });

  test('system is the first message; the policy holds what was said, null included', () => {
    const body = {
      id: 'a',
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Hi' }],
      ttl_seconds: null,
      pinned: true,
      persist: 'ram',
    };
    expect(toNewAgent(body)).toEqual({
      id: 'a',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      tools: [],
      policy: { persist: 'ram', ttlSeconds: null, pinned: true },
    });
  });

  test('a system prompt said twice is refused', () => {
    const body = { system: 'A', messages: [{ role: 'developer', content: 'B' }] };
    expect(refused(() => toNewAgent(body))).toMatchObject({ code: 'InvalidRequest', param: 'system' });
  });
});

describe('a turn', () => {
  test('input is a message of the user; the agent keeps its tools', () => {
    expect(turn({ input: 'Hi', max_tokens: 3, busy: 'fork' })).toMatchObject({
      stream: false,
      request: { messages: [{ role: 'user', content: 'Hi' }], tools: null, busy: 'fork', maxTokens: 3, sampling: { temperature: 0.7 } },
    });
  });

  test.each([
    ['neither input nor messages', {}, 'input', /got neither/],
    ['both', { input: 'a', messages: [{ role: 'user', content: 'b' }] }, 'input', /got both/],
    ['an empty input', { input: '' }, 'input', /got ""/],
    ['no messages in the list', { messages: [] }, 'messages', /got \[\]/],
    ['another way to be busy', { input: 'a', busy: 'queue' }, 'busy', /wanted "wait" or "fork", got "queue"/],
    ['a temperature out of range', { input: 'a', temperature: 3 }, 'temperature', /got 3/],
    ['too many stop strings', { input: 'a', stop: ['x', 'y', 'z'] }, 'stop', /at most 2/],
    ['a token outside the vocabulary', { input: 'a', stop_token_ids: [100] }, 'stop_token_ids', /outside the vocabulary 0\.\.99/],
    ['no object', 'Hi', 'body', /got "Hi"/],
    ['nothing', undefined, 'body', /got nothing/],
  ] as const)('%s is refused and the field named', (_name, body, param, message) => {
    expect(refused(() => turn(body))).toMatchObject({ code: 'InvalidRequest', param, message: expect.stringMatching(message) });
  });

  test('a field that is not known is refused, with the one that was meant', () => {
    expect(refused(() => turn({ input: 'a', temprature: 1 }))).toMatchObject({ param: 'temprature', hint: 'Did you mean temperature?' });
    expect(refused(() => toNewAgent({ ttl: 5, wholly_other_thing: 1 }))).toMatchObject({
      param: 'ttl',
      hint: expect.stringMatching(/^Known are id, /),
    });
  });
});

describe('the other verbs', () => {
  test('rewind wants turns or messages', () => {
    expect(toRewind({ turns: 2 })).toEqual({ turns: 2 });
    expect(toRewind({ messages: 0 })).toEqual({ messages: 0 });
    for (const body of [undefined, {}, { turns: 0 }, { turns: 1.5 }, { messages: -1 }, { turns: 1, messages: 1 }])
      expect(refused(() => toRewind(body)).code).toBe('InvalidRequest');
  });

  test('a change of policy changes something, within its ranges', () => {
    expect(toChangedPolicy({ ttl_seconds: 60, max_tokens: null })).toEqual({ ttlSeconds: 60, maxTokens: null });
    for (const body of [undefined, {}, { ttl_seconds: 0 }, { persist: 'tape' }, { max_tokens: 0 }, { pinned: 'yes' }])
      expect(refused(() => toChangedPolicy(body)).code).toBe('InvalidRequest');
  });

  test('fork takes an id and a policy, or nothing', () => {
    expect(toFork(undefined)).toEqual({ policy: {} });
    expect(toFork({ id: 'b', pinned: false })).toEqual({ id: 'b', policy: { pinned: false } });
  });
});
