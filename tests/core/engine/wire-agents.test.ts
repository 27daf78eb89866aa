/** Requests of clients over the real engine and the real model: what they leave of agents, and what they find in the cache. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOCAL_SCOPE, type Caller } from '../../../src/core/domain/agent.js';
import type { AgentHint } from '../../../src/core/domain/agent-hint.js';
import type { ChatMessage } from '../../../src/core/domain/chat-message.js';
import type { GenerationRequest } from '../../../src/core/domain/request.js';
import type { AgentView } from '../../../src/core/engine/agent-service.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { type Answer, openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';

const home = createHome();
const local: Caller = { scope: LOCAL_SCOPE, seesAll: false };
const LONG = `You help with a garden. ${'Beds are dug in March, and watered in the evening of every dry day. '.repeat(24)}`;

const hint = (id: string, ancestors: readonly string[] = []): AgentHint => ({ id, ancestors, client: 'claude' });
const system = (content: string): ChatMessage => ({ role: 'system', content });
const user = (content: string): ChatMessage => ({ role: 'user', content });

let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openHere(home.path, { 'model.context': 2048 });
});
afterAll(async () => {
  await opened.close();
  home.remove();
});

function ask(agent: AgentHint, messages: readonly ChatMessage[], changed: Partial<GenerationRequest> = {}, on = opened): Promise<Answer> {
  return readAll(on.agents.wire.submit(requestOf('', { messages, agent, ...changed })));
}

/** A conversation as a client keeps it. */
class Conversation {
  readonly messages: ChatMessage[];

  constructor(
    readonly agent: AgentHint,
    start = LONG,
  ) {
    this.messages = [system(start)];
  }

  async say(text: string): Promise<Answer> {
    this.messages.push(user(text));
    const answer = await ask(this.agent, this.messages);
    this.messages.push({ role: 'assistant', content: answer.text });
    return answer;
  }
}

const show = (id: string): AgentView => opened.agents.show(id, local);
const ids = (): string[] => opened.agents.list(local).map(({ id }) => id);

describe('a conversation that a client sends whole', () => {
  test('is an agent, with what was said and answered, and with what it cost', async () => {
    const garden = new Conversation(hint('claude-garden'));
    const answers = [await garden.say('When do I dig?'), await garden.say('And when do I water?')];
    const agent = show('claude-garden');
    expect(agent.messages).toEqual(garden.messages);
    expect([...agent.tokens]).toEqual(answers[1]!.tokens);
    expect(agent).toMatchObject({ client: 'claude', parent: null, state: 'idle', totals: { completionTokens: 16 } });
    expect(agent.turns.map(({ messages }) => messages)).toEqual([3, 5]);
    expect(agent.totals.promptTokens).toBe(answers[0]!.usage.promptTokens + answers[1]!.usage.promptTokens);
    expect(agent.report?.cachedTokens).toBe(answers[1]!.usage.cachedTokens);
    expect(agent.place.memoryTokens).toBeGreaterThan(answers[1]!.usage.promptTokens);
    opened.agents.checkIntegrity();
  });

  test('finds all of the turn before, whatever was asked beside it, and at the same time', async () => {
    const disturbed = new Conversation(hint('claude-disturbed'), `Other. ${LONG}`);
    const first = await disturbed.say('Hello!');
    const beside = (question: string): Promise<Answer> =>
      ask(disturbed.agent, [system('You write titles.'), user(`A title of: ${question}`)]);
    await beside('Hello!');
    await Promise.all([beside('one'), beside('two'), ask(disturbed.agent, [user('Is this a new topic?')])]);
    const [second] = await Promise.all([disturbed.say('And now?'), beside('three')]);
    expect(second.usage.cachedTokens).toBe(first.tokens.length - 1); // the last token never had KV
    expect(show('claude-disturbed').messages).toEqual(disturbed.messages);
    expect(show('claude-disturbed').report?.miss).toBeNull();
  });

  test('under the name of another finds what both begin with, and gets nothing wrong', async () => {
    const one = new Conversation(hint('claude-one'), `Shared. ${LONG}`);
    await one.say('What is a bed?');
    const alone = await ask(hint('claude-alone'), [system(`Shared. ${LONG}`), user('What is a rake?')], { cachePrompt: false });
    const same = await ask(one.agent, [system(`Shared. ${LONG}`), user('What is a rake?')]);
    const other = await ask(hint('claude-two'), [system(`Shared. ${LONG}`), user('What is a rake?')]);
    expect([same.text, other.text]).toEqual([alone.text, alone.text]);
    expect(other.usage.cachedTokens).toBe(alone.usage.promptTokens - 1);
    const stranger = await ask(hint('claude-key'), [system(`Shared. ${LONG}`), user('What is a rake?')], { scope: 'another-key' });
    expect(stranger.usage.cachedTokens).toBe(0);
    const back = await one.say('And a hoe?');
    expect(back.usage.cachedTokens).toBeGreaterThan(same.usage.promptTokens - 20); // the answer to the first question is still there
  });

  test('two at once under one name both find their turns again', async () => {
    const [a, b] = ['a', 'b'].map(() => new Conversation(hint('claude-both'), `Both. ${LONG}`)) as [Conversation, Conversation];
    const first = await Promise.all([a.say('Ask about roses.'), b.say('Ask about tulips, and be brief.')]);
    const second = await Promise.all([a.say('Go on.'), b.say('Go on.')]);
    second.forEach(({ usage }, i) => expect(usage.cachedTokens).toBeGreaterThan(first[i]!.usage.promptTokens));
    const third = [await a.say('More.'), await b.say('More.')];
    third.forEach(({ usage }, i) => expect(usage.cachedTokens).toBeGreaterThan(second[i]!.usage.promptTokens));
    opened.agents.checkIntegrity();
  });

  test('that goes on from a beginning of the answer has both in one message', async () => {
    const messages = [user('Name a tool.'), { role: 'assistant', content: 'A' }];
    const answer = await ask(hint('claude-prefill'), messages, { continuesLast: true });
    expect(show('claude-prefill').messages).toEqual([messages[0], { role: 'assistant', content: `A${answer.text}` }]);
  });

  test('that became shorter keeps the restore points that are still there', async () => {
    const talk = new Conversation(hint('claude-edited'));
    for (const text of ['One.', 'Two.', 'Three.']) await talk.say(text);
    talk.messages.splice(3);
    await talk.say('Another two.');
    expect(show('claude-edited').turns.map(({ messages }) => messages)).toEqual([3, 5]);
    await ask(talk.agent, [system(LONG), user('In short: nothing was said.')]);
    expect(show('claude-edited').turns.map(({ messages }) => messages)).toEqual([3]);
    opened.agents.checkIntegrity();
  });
});

describe('sub-agents', () => {
  test('are children of who they work for, heard of before or not', async () => {
    await ask(hint('claude-deep', ['claude-top', 'claude-middle']), [user('Hi.')]);
    await ask(hint('claude-middle', ['claude-top']), [user('Hi there.')]);
    expect(show('claude-top')).toMatchObject({ children: ['claude-middle'], messages: [] });
    expect(show('claude-middle')).toMatchObject({ parent: 'claude-top', children: ['claude-deep'] });
    expect(show('claude-deep')).toMatchObject({ parent: 'claude-middle', children: [] });
    opened.agents.checkIntegrity();
  });
});

describe('an agent of the agent API', () => {
  test('is not taken over by a client that uses its name', async () => {
    await opened.agents.create({ id: 'claude-mine', messages: [user('Private.')] }, local);
    const answer = await ask(hint('claude-mine'), [user('Hi.')]);
    expect(answer.text).not.toBe('');
    expect(show('claude-mine').messages).toEqual([user('Private.')]);
    await ask(hint('claude-child', ['claude-mine']), [user('Hi.')]);
    expect(ids()).not.toContain('claude-child');
  });

  test('a fork of a client’s agent is one, and stays as it is', async () => {
    const talk = new Conversation(hint('claude-forked'));
    await talk.say('Hello.');
    const fork = await opened.agents.fork('claude-forked', { id: 'kept' }, local);
    expect(fork.client).toBeUndefined();
    await talk.say('Again.');
    expect(show('kept').messages).toHaveLength(3);
    expect(show('claude-forked').messages).toHaveLength(5);
  });
});

describe('when a request cannot be served', () => {
  test('nothing is left of an agent that never had a turn', async () => {
    await expect(ask(hint('claude-refused'), [user('word '.repeat(3000))])).rejects.toMatchObject({ code: 'PromptTooLong' });
    expect(ids()).not.toContain('claude-refused');
  });

  test('an agent that goes away in its first turn stays, and is idle', async () => {
    const stop = new AbortController();
    const events = opened.agents.wire.submit(requestOf('Count.', { agent: hint('claude-gone'), maxTokens: 500 }), { signal: stop.signal });
    await expect(
      (async () => {
        for await (const event of events) if (event.type === 'token') stop.abort();
      })(),
    ).rejects.toMatchObject({ code: 'Cancelled' });
    expect(show('claude-gone')).toMatchObject({ state: 'idle', turns: [] });
  });
});

describe('when there are as many agents as there may be', () => {
  test('the one of a client that was not used for longest makes way; where none may, requests are served without', async () => {
    const small = await openHere(home.path, { 'model.context': 2048, 'agents.max': 3 });
    const list = (): string[] => small.agents.list(local).map(({ id }) => id);
    try {
      await small.agents.create({ id: 'mine' }, local);
      await ask(hint('claude-1'), [user('1')], {}, small);
      await ask(hint('claude-2'), [user('2')], {}, small);
      await ask(hint('claude-1'), [user('1'), { role: 'assistant', content: '-' }, user('1')], {}, small);
      await ask(hint('claude-3'), [user('3')], {}, small);
      expect(list()).toEqual(['mine', 'claude-1', 'claude-3']);
      await small.agents.setPolicy('claude-1', { pinned: true }, local);
      await ask(hint('claude-4', ['claude-3']), [user('4')], {}, small);
      expect(list()).toEqual(['mine', 'claude-1', 'claude-3']);
      const turns = [user('5'), { role: 'assistant', content: '-' }, user('5')];
      for (const messages of [turns.slice(0, 1), turns]) {
        expect((await ask(hint('claude-5', ['claude-4']), messages, {}, small)).text).not.toBe('');
      }
      small.agents.checkIntegrity();
    } finally {
      await small.close();
    }
  });
});
