import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertAgentId } from '../../../src/core/domain/agent.js';
import { agentHint } from '../../../src/server/identity/agent-hint.js';

const CLAUDE = 'x-claude-code-session-id';
const SESSION = '11111111-2222-4333-8444-555555555555';
/** What Claude Code 2.1 sends, and what it sent before. */
const METADATA = { user_id: JSON.stringify({ device_id: '820e', account_uuid: '', session_id: SESSION }) };
const OLDER_METADATA = { user_id: `user_820e_account__session_${SESSION}` };

const hint = (headers: Record<string, string>, body: object = {}, scope = 'local') => agentHint(headers, body, scope).agent ?? null;

describe('agentHint()', () => {
  test('takes the first that says something: agent header, session header, metadata, prompt_cache_key, session_id', () => {
    const body = { metadata: METADATA, prompt_cache_key: 'k', session_id: 's' };
    const agent = { [CLAUDE]: 'root', 'x-claude-code-agent-id': 'helper' };
    expect(hint(agent, body)?.id).toMatch(/^claude-helper\./);
    expect(hint({ [CLAUDE]: 'root' }, body)?.id).toBe('claude-root');
    expect(hint({}, body)?.id).toBe(`claude-${SESSION}`);
    expect(hint({}, { ...body, metadata: OLDER_METADATA })?.id).toBe(`claude-${SESSION}`);
    expect(hint({}, { ...body, metadata: {} })?.id).toBe('cache-key-k');
    expect(hint({}, { session_id: 's' })?.id).toBe('session-s');
    expect(hint({}, {})).toBeNull();
  });

  test('a sub-agent of Claude Code works for its session, or for the agent that it names', () => {
    const root = hint({ [CLAUDE]: SESSION })!;
    const child = hint({ [CLAUDE]: SESSION, 'x-claude-code-agent-id': 'a1' })!;
    const grandchild = hint({ [CLAUDE]: SESSION, 'x-claude-code-agent-id': 'a2', 'x-claude-code-parent-agent-id': 'a1' })!;
    expect(root.ancestors).toEqual([]);
    expect(child.ancestors).toEqual([root.id]);
    expect(grandchild.ancestors).toEqual([root.id, child.id]);
    const elsewhere = hint({ [CLAUDE]: 'another', 'x-claude-code-agent-id': 'a1' })!;
    expect(elsewhere.id).not.toBe(child.id);
  });

  test('a thread of Codex is the session itself, or works for it', () => {
    const root = hint({ 'session-id': SESSION, 'thread-id': SESSION })!;
    expect(root).toEqual({ id: `codex-${SESSION}`, ancestors: [], client: 'codex' });
    const child = hint({ 'session-id': SESSION, 'thread-id': 't1', 'x-codex-parent-thread-id': SESSION })!;
    expect(child).toEqual({ id: 'codex-t1', ancestors: [root.id], client: 'codex' });
    const grandchild = hint({ 'session-id': SESSION, 'thread-id': 't2', 'x-codex-parent-thread-id': 't1' })!;
    expect(grandchild.ancestors).toEqual([root.id, child.id]);
  });

  test('a session of OpenCode may have a parent', () => {
    expect(hint({ 'x-session-affinity': 'ses_1', 'x-session-id': 'ses_1' })?.id).toBe('opencode-ses_1');
    expect(hint({ 'x-session-affinity': 'ses_2', 'x-parent-session-id': 'ses_1' })).toEqual({
      id: 'opencode-ses_2',
      ancestors: ['opencode-ses_1'],
      client: 'opencode',
    });
  });

  test('the same name under another key is another agent', () => {
    expect(hint({ [CLAUDE]: SESSION }, {}, '456f1612bd25c6c8')?.id).not.toBe(hint({ [CLAUDE]: SESSION })?.id);
  });

  test('nonsense is passed over, never refused', () => {
    const nonsense = [null, 1, [], {}, '', '  ', { user_id: 7 }, { user_id: '{' }, { user_id: '{"session_id":{}}' }, { user_id: 'null' }];
    for (const metadata of nonsense) expect(hint({ [CLAUDE]: ' ' }, { metadata, session_id: 's' })?.id).toBe('session-s');
    for (const value of [null, 1, [], {}, '', ' ']) expect(hint({}, { prompt_cache_key: value, session_id: value })).toBeNull();
  });

  test('whatever comes gives valid ids, and no one is its own ancestor', () => {
    const value = fc.string({ unit: 'binary', maxLength: 6000 });
    const fields = { [CLAUDE]: value, 'x-claude-code-agent-id': value, 'x-claude-code-parent-agent-id': value, 'session-id': value };
    fc.assert(
      fc.property(fc.record(fields, { requiredKeys: [] }), fc.anything(), fc.anything(), (headers, metadata, key) => {
        const found = agentHint(headers, { metadata, prompt_cache_key: key, session_id: key }, 'local').agent;
        if (found === undefined) return;
        for (const id of [found.id, ...found.ancestors]) expect(() => assertAgentId(id)).not.toThrow();
        expect(new Set([found.id, ...found.ancestors]).size).toBe(1 + found.ancestors.length);
      }),
    );
  });
});
