import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertAgentId } from '../../../src/core/domain/agent.js';
import { wireAgentId, type WireName } from '../../../src/server/identity/wire-agent-id.js';

const CLIENTS = ['claude', 'codex', 'opencode', 'session', 'cache-key'];
/** What names look like, and what they do not: marks of our own ids, other scripts, halves of characters. */
const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.stringMatching(/^[A-Za-z0-9._-]{1,80}$/),
  fc.stringMatching(/^[a-z]{1,3}\.[0-9a-f]{16}$/),
  fc.constantFrom('a', 'a@b', 'a_b', 'a.b', 'key-a', '__proto__'),
);
const wireName: fc.Arbitrary<WireName> = fc.record({
  scope: fc.constantFrom('local', '456f1612bd25c6c8', 'a'),
  client: fc.constantFrom(...CLIENTS),
  tree: fc.option(part, { nil: null }),
  name: part.filter((name) => name !== ''),
});

describe('wireAgentId()', () => {
  test('is a valid id of an agent, whatever a client calls its conversation', () => {
    fc.assert(fc.property(wireName, (name) => assertAgentId(wireAgentId(name))));
  });

  test('is the same for the same name, and another one for every other name', () => {
    fc.assert(
      fc.property(wireName, wireName, (a, b) => {
        const isSame = JSON.stringify([a.scope, a.client, a.tree, a.name]) === JSON.stringify([b.scope, b.client, b.tree, b.name]);
        expect(wireAgentId(a) === wireAgentId(b)).toBe(isSame);
      }),
      { numRuns: 5000 },
    );
  });

  test('a name cannot pass for what another one is turned into', () => {
    const turned = wireAgentId({ scope: 'local', client: 'session', tree: null, name: 'a b' });
    const name = turned.slice('session-'.length);
    expect(wireAgentId({ scope: 'local', client: 'session', tree: null, name })).not.toBe(turned);
  });

  test('is the name itself where that can be read, and says what can be read of it elsewhere', () => {
    const local = { scope: 'local', client: 'claude', tree: null };
    expect(wireAgentId({ ...local, name: '11111111-2222-4333-8444-555555555555' })).toBe('claude-11111111-2222-4333-8444-555555555555');
    expect(wireAgentId({ ...local, name: 'review@team' })).toMatch(/^claude-review_team\.[0-9a-f]{16}$/);
    expect(wireAgentId({ ...local, tree: 's', name: 'review' })).toMatch(/^claude-review\.[0-9a-f]{16}$/);
    expect(wireAgentId({ ...local, scope: '456f1612bd25c6c8', name: 'a' })).toMatch(/^claude-a\.[0-9a-f]{16}$/);
  });
});
