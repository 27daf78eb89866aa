import { describe, expect, test } from 'vitest';
import type { Prompt } from '../../../src/core/answers/answerer.js';
import { withChosenTool } from '../../../src/server/answering/tool-choice-header.js';

const tool = (name: string) => ({ name, description: null, parameters: {} });
const prompt: Prompt = {
  conversation: [{ role: 'user', text: 'Read it.' }],
  tools: [tool('Read'), tool('Write')],
  toolChoice: { type: 'auto' },
  parallelCalls: true,
  thinks: null,
  continuesLast: false,
};
const chosen = (wanted: string | undefined, changed: Partial<Prompt> = {}) =>
  withChosenTool({ ...prompt, ...changed }, wanted === undefined ? {} : { 'x-semantic-tool-choice': wanted }).toolChoice;

const called = { role: 'assistant' as const, text: '', thinking: null, calls: [{ id: 'c', name: 'Read', arguments: '{}' }] };
const goneOn: Prompt['conversation'] = [
  ...prompt.conversation,
  called,
  { role: 'tool', callId: 'c', text: 'text' },
  { ...called, calls: [] },
  { role: 'user', text: 'Again.' },
];

describe('x-semantic-tool-choice', () => {
  test('asks for a call of any tool, or of one', () => {
    expect(chosen('any')).toEqual({ type: 'any' });
    expect(chosen('Read')).toEqual({ type: 'tool', name: 'Read' });
  });

  test('leaves a request as it is that offers no such tool, says itself what it wants, or goes on after a call', () => {
    expect(chosen(undefined)).toEqual({ type: 'auto' });
    expect(chosen('Delete')).toEqual({ type: 'auto' });
    expect(chosen('any', { tools: [] })).toEqual({ type: 'auto' });
    expect(chosen('Read', { toolChoice: { type: 'none' } })).toEqual({ type: 'none' });
    const call = { role: 'assistant' as const, text: '', thinking: null, calls: [{ id: 'c', name: 'Read', arguments: '{}' }] };
    const answered = [...prompt.conversation, call, { role: 'tool' as const, callId: 'c', text: 'text' }];
    expect(chosen('Read', { conversation: answered })).toEqual({ type: 'auto' });
    expect(chosen('Read', { conversation: [...answered, { role: 'user', text: 'A reminder.' }] })).toEqual({ type: 'auto' });
    expect(chosen('Read', { conversation: [...answered, { ...call, calls: [] }, { role: 'user', text: 'Again.' }] })).not.toEqual({
      type: 'auto',
    });
  });

  test('once, it leaves a conversation as it is that has such a call, and a sub-agent', () => {
    expect(chosen('Read; once')).toEqual({ type: 'tool', name: 'Read' });
    expect(chosen('any;once')).toEqual({ type: 'any' });
    expect(chosen('Read', { conversation: goneOn })).toEqual({ type: 'tool', name: 'Read' });
    expect(chosen('Read; once', { conversation: goneOn })).toEqual({ type: 'auto' });
    expect(chosen('any; once', { conversation: goneOn })).toEqual({ type: 'auto' });
    expect(chosen('Write; once', { conversation: goneOn })).toEqual({ type: 'tool', name: 'Write' });
    const session = { 'x-claude-code-session-id': 's' };
    const headers = (wanted: string, more = {}) => ({ 'x-semantic-tool-choice': wanted, ...session, ...more });
    const agent = { 'x-claude-code-agent-id': 'a' };
    expect(withChosenTool(prompt, headers('Read; once')).toolChoice).toEqual({ type: 'tool', name: 'Read' });
    expect(withChosenTool(prompt, headers('Read; once', agent)).toolChoice).toEqual({ type: 'auto' });
    expect(withChosenTool(prompt, headers('Read', agent)).toolChoice).toEqual({ type: 'tool', name: 'Read' });
  });
});
