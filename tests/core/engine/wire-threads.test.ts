import { describe, expect, test } from 'vitest';
import type { ChatMessage } from '../../../src/core/domain/chat-message.js';
import { type Outline, outlineOf } from '../../../src/core/domain/outline.js';
import { sha256 } from '../../../src/core/engine/sha256.js';
import { WireThreads } from '../../../src/core/engine/wire-threads.js';

const LONG = 'You are an agent that edits files. '.repeat(100);
const TITLE = 'Write a title of at most five words. ';

const system = (content: string): ChatMessage => ({ role: 'system', content });
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const outline = (messages: readonly ChatMessage[], tools: readonly unknown[] = []): Outline => outlineOf({ messages, tools }, sha256);

/** Turn `n` of a conversation, from 1. */
function turn(n: number, name = 'main', head = LONG): ChatMessage[] {
  const said = Array.from({ length: n - 1 }, (_, i) => [user(`${name} question ${i + 1}`), assistant(`${name} answer ${i + 1}`)]).flat();
  return [system(head), ...said, user(`${name} question ${n}`)];
}

function threads() {
  const known = new WireThreads(4);
  return (messages: readonly ChatMessage[], recorded: readonly ChatMessage[] | null = null, turns = 1) =>
    known.place('a', outline(messages), () => (recorded === null ? null : { outline: outline(recorded), turns }));
}

describe('WireThreads', () => {
  test('a conversation goes on, whatever comes beside it', () => {
    const place = threads();
    expect(place(turn(1))).toBe('continues');
    expect(place([system(TITLE), user('main question 1')])).toBe('beside');
    expect(place([user('topic?')])).toBe('beside');
    expect(place(turn(2))).toBe('continues');
    expect(place([system(TITLE), user('main question 1')])).toBe('beside'); // once more: that is no going on
    expect(place(turn(3))).toBe('continues');
  });

  test('what came first gives way to what is longer, until it has gone on itself', () => {
    const place = threads();
    expect(place([system(TITLE), user('main question 1')])).toBe('continues');
    expect(place(turn(1))).toBe('branches');
    expect(place(turn(2))).toBe('continues');
    const page = [system('Summarise this page.'), user('word '.repeat(3000))];
    expect(place(page)).toBe('beside');
    expect(place(turn(3))).toBe('continues');
  });

  test('what was taken for the conversation by its length gives it back with the next turn', () => {
    const place = threads();
    place(turn(1));
    expect(place([system('Summarise this page.'), user('word '.repeat(3000))])).toBe('branches');
    expect(place(turn(2))).toBe('continues');
    expect(place([system('Summarise this page.'), user('other '.repeat(3000))])).toBe('beside');
    expect(place(turn(3))).toBe('continues');
  });

  test('two conversations under one name both go on, and neither is cut for the other', () => {
    const place = threads();
    expect(place(turn(1, 'first'))).toBe('continues');
    expect(place(turn(1, 'second'))).toBe('branches');
    for (const n of [2, 3]) for (const name of ['first', 'second']) expect(place(turn(n, name))).toBe('continues');
  });

  test('an edited turn, and a summary in place of what was said, branch off', () => {
    const place = threads();
    place(turn(4));
    expect(place([...turn(4).slice(0, -1), user('another question')])).toBe('branches');
    expect(place([system(LONG), user('This is what was said so far: nothing.')])).toBe('branches');
  });

  test('a conversation under a new system prompt is known as soon as it goes on', () => {
    const place = threads();
    for (const n of [1, 2]) place(turn(n));
    expect(place(turn(3, 'main', 'Plan.'))).toBe('beside');
    expect(place(turn(4, 'main', 'Plan.'))).toBe('continues');
  });

  test('begins with what the record has', () => {
    expect(threads()(turn(3), turn(2), 2)).toBe('continues');
    expect(threads()([system(TITLE), user('x')], turn(2), 2)).toBe('beside');
  });

  test('other tools are another start', () => {
    const known = new WireThreads(4);
    const place = (tools: readonly unknown[], n: number) => known.place('a', outline(turn(n, 'main', 'Be brief.'), tools), () => null);
    place([{ name: 'read', description: LONG }], 1);
    expect(place([{ name: 'read', description: LONG }], 2)).toBe('continues');
    expect(place([{ name: 'write', description: LONG }], 3)).toBe('beside');
  });

  test('forgets the agent that was not heard of for longest', () => {
    const known = new WireThreads(2);
    for (const id of ['a', 'b', 'a', 'c']) known.place(id, outline(turn(1)), () => null);
    const title = outline([user('title?')]);
    expect(known.place('a', title, () => null)).toBe('beside');
    expect(known.place('b', title, () => null)).toBe('continues');
  });
});
