import { describe, expect, test } from 'vitest';
import { CANONICAL_RULES, type CanonicalRule, type CanonicalRules, canonicalText } from '../../../src/core/answers/canonical-rules.js';
import type { ConversationMessage, ToolDefinition } from '../../../src/core/answers/conversation.js';

const system = (text: string): ConversationMessage => ({ role: 'system', text });
const user = (text: string): ConversationMessage => ({ role: 'user', text });
const assistant = (text: string): ConversationMessage => ({ role: 'assistant', text, thinking: null, calls: [] });
const tool = (name: string): ToolDefinition => ({ name, description: null, parameters: {} });

const only = (...on: CanonicalRule[]): CanonicalRules =>
  Object.fromEntries(CANONICAL_RULES.map((name) => [name, on.includes(name)])) as Record<CanonicalRule, boolean>;
const rewrite = (rules: CanonicalRules, conversation: readonly ConversationMessage[], tools: readonly ToolDefinition[] = []) =>
  canonicalText({ conversation, tools }, rules);

/** Something for every rule to change. */
const EVERYTHING = [
  system('x-anthropic-billing-header: cc_version=2.1.329.136; cch=1;\n\nYou are an agent.'),
  user('Hi. '),
  system('The folder is /tmp.'),
  assistant('Yes? '),
  system('A tool was added.'),
];
const TOOLS = [tool('write'), tool('Read'), tool('bash')];

describe('canonicalText()', () => {
  test('does nothing where no rule is on, or none has anything to change', () => {
    expect(rewrite(only(), EVERYTHING, TOOLS)).toEqual({ conversation: EVERYTHING, tools: TOOLS, applied: [] });
    const plain = [system('You help.'), user('Hi.'), assistant('Yes?'), user('Bye.')];
    expect(rewrite(only(...CANONICAL_RULES), plain, [tool('a'), tool('b')]).applied).toEqual([]);
    expect(rewrite(only(...CANONICAL_RULES), []).applied).toEqual([]);
  });

  test.each(CANONICAL_RULES)('%s does the same once more as once, and says when it changed something', (name) => {
    const once = rewrite(only(name), EVERYTHING, TOOLS);
    expect(once.applied).toEqual([name]);
    expect(rewrite(only(name), once.conversation, once.tools)).toEqual({ ...once, applied: [] });
  });

  test('the line that differs in every session goes from the start, with the empty line behind it, and from nowhere else', () => {
    const { conversation } = rewrite(only('billing_line'), EVERYTHING);
    expect(conversation[0]).toEqual(system('You are an agent.'));
    expect(rewrite(only('billing_line'), [system('x-anthropic-billing-header: cc_version=1;')]).conversation).toEqual([system('')]);
    const said = [system('You help.'), user('x-anthropic-billing-header: what is that?')];
    expect(rewrite(only('billing_line'), said).applied).toEqual([]);
  });

  test('tools come in the order of their names, which no language of the machine decides', () => {
    expect(rewrite(only('tool_order'), [], TOOLS).tools.map(({ name }) => name)).toEqual(['Read', 'bash', 'write']);
    const twice = [tool('b'), { ...tool('a'), description: 'first' }, { ...tool('a'), description: 'second' }];
    expect(rewrite(only('tool_order'), [], twice).tools.map(({ description }) => description)).toEqual(['first', 'second', null]);
  });

  test('a system message before the first answer joins those at the start, whether there is an answer yet or not', () => {
    const { conversation } = rewrite(only('early_system'), EVERYTHING);
    expect(conversation).toEqual([EVERYTHING[0], EVERYTHING[2], EVERYTHING[1], EVERYTHING[3], EVERYTHING[4]]);
    const first = rewrite(only('early_system'), EVERYTHING.slice(0, 3)).conversation;
    expect(conversation.slice(0, 3)).toEqual(first);
  });

  test('a system message further on becomes the user’s', () => {
    const { conversation } = rewrite(only('system_in_middle'), EVERYTHING);
    expect(conversation.map(({ role }) => role)).toEqual(['system', 'user', 'user', 'assistant', 'user']);
  });

  test('whitespace goes from the end of what system and user say, but for a text that is nothing else', () => {
    const { conversation } = rewrite(only('trailing_whitespace'), [system('A\n'), user('  B \n'), assistant('C '), user(' ')]);
    expect(conversation.map(({ text }) => text)).toEqual(['A', '  B', 'C ', ' ']);
  });
});
