import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentContext, AgentPolicy, Caller } from '../../../src/core/domain/agent.js';
import { AgentTree } from '../../../src/core/domain/agent-tree.js';
import { endTurn } from '../../../src/core/domain/end-turn.js';
import { SemanticError } from '../../../src/core/domain/errors.js';

const ALL: Caller = { scope: 'local', seesAll: true };
const POLICY: AgentPolicy = { persist: 'disk', ttlSeconds: null, pinned: false, maxTokens: null };

function agent(id: string, overrides: Partial<AgentContext> = {}): AgentContext {
  return {
    id,
    scope: 'a',
    parent: null,
    createdAt: 1000,
    usedAt: 1000,
    messages: [],
    tools: [],
    tokens: new Int32Array(0),
    fingerprint: 'model',
    turns: [],
    policy: POLICY,
    totals: { promptTokens: 0, cachedTokens: 0, completionTokens: 0 },
    report: null,
    ...overrides,
  };
}

/** The agent after a turn of so many new messages and tokens. */
function withTurn(before: AgentContext, messages: number, tokens: number, now: number): AgentContext {
  const added = Array.from({ length: messages }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: `${now} ${i}` }));
  const all = Int32Array.from([...before.tokens, ...Array.from({ length: tokens }, (_, i) => now + i)]);
  const report = {
    promptTokens: all.length - 1,
    cachedTokens: before.tokens.length,
    createdTokens: 0,
    source: 'memory',
    miss: null,
  } as const;
  return endTurn(
    before,
    { messages: [...before.messages, ...added], tools: [], tokens: all, fingerprint: 'model', completionTokens: 1, report },
    now,
  );
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof SemanticError ? error.code : String(error);
  }
  return 'nothing was thrown';
}

function treeOf(...agents: AgentContext[]): AgentTree {
  const tree = new AgentTree();
  agents.forEach((one) => tree.add(one));
  return tree;
}

describe('add and get', () => {
  test('an id is taken once, for whomever it is', () => {
    const tree = treeOf(agent('one'));
    expect(codeOf(() => tree.add(agent('one', { scope: 'b' })))).toBe('AgentConflict');
    expect(codeOf(() => tree.add(agent('../one')))).toBe('InvalidRequest');
    expect(codeOf(() => tree.add(agent('two', { parent: 'none' })))).toBe('AgentNotFound');
    expect(codeOf(() => tree.add(agent('two', { parent: 'one', scope: 'b' })))).toBe('AgentNotFound');
  });

  test("another scope's agent is not there, but for a caller who sees all", () => {
    const tree = treeOf(agent('one'), agent('two', { scope: 'b' }));
    expect(codeOf(() => tree.get('two', { scope: 'a', seesAll: false }))).toBe('AgentNotFound');
    expect(codeOf(() => tree.childrenOf('two', { scope: 'a', seesAll: false }))).toBe('AgentNotFound');
    expect(codeOf(() => tree.get('three', ALL))).toBe('AgentNotFound');
    expect(tree.get('two', ALL).scope).toBe('b');
    expect(tree.list({ scope: 'b', seesAll: false }).map(({ id }) => id)).toEqual(['two']);
    expect(tree.list(ALL).map(({ id }) => id)).toEqual(['one', 'two']);
  });

  test('an agent that holds more than its quota is refused, and so is a quota below what it holds', () => {
    const full = agent('one', { tokens: Int32Array.of(1, 2, 3) });
    const tree = treeOf(full);
    const smaller = { ...full, policy: { ...POLICY, maxTokens: 2 } };
    expect(codeOf(() => tree.update(smaller))).toBe('QuotaExceeded');
    expect(codeOf(() => new AgentTree().add(smaller))).toBe('QuotaExceeded');
    expect(tree.get('one', ALL)).toBe(full);
  });

  test('an update changes neither parent nor scope', () => {
    const tree = treeOf(agent('one'), agent('two'));
    expect(() => tree.update(agent('two', { parent: 'one' }))).toThrow('[agent_tree] two has another parent or scope');
    expect(() => tree.update(agent('two', { scope: 'b' }))).toThrow('[agent_tree] two has another parent or scope');
    expect(codeOf(() => tree.update(agent('three')))).toBe('AgentNotFound');
  });
});

describe('of', () => {
  test('children may come before their parents; a lost parent and a circle leave none behind', () => {
    const tree = AgentTree.of([
      agent('leaf', { parent: 'middle' }),
      agent('lost', { parent: 'gone' }),
      agent('middle', { parent: 'root' }),
      agent('hen', { parent: 'egg' }),
      agent('egg', { parent: 'hen' }),
      agent('stranger', { parent: 'root', scope: 'b' }),
      agent('root'),
    ]);
    tree.checkIntegrity();
    const parents = Object.fromEntries(tree.list(ALL).map(({ id, parent }) => [id, parent]));
    expect(parents).toMatchObject({ leaf: 'middle', lost: null, middle: 'root', stranger: null, root: null });
    expect([parents['hen'], parents['egg']].filter((parent) => parent === null)).toHaveLength(1);
    expect(tree.size).toBe(7);
  });
});

describe('fork', () => {
  test('a child knows what its parent knows, and has used nothing yet', () => {
    const parent = withTurn(agent('one', { policy: { ...POLICY, pinned: true } }), 2, 10, 2000);
    const tree = treeOf(parent);
    const child = tree.fork('one', 'two', 3000);
    const { messages, tools, tokens, turns, policy, fingerprint, scope } = parent;
    expect(child).toMatchObject({ id: 'two', parent: 'one', createdAt: 3000, usedAt: 3000, report: null });
    expect(child).toMatchObject({ messages, tools, tokens, turns, policy, fingerprint, scope });
    expect(child.totals).toEqual({ promptTokens: 0, cachedTokens: 0, completionTokens: 0 });
    expect(tree.childrenOf('one', ALL)).toEqual([child]);
    expect(codeOf(() => tree.fork('one', 'two', 3000))).toBe('AgentConflict');
    expect(codeOf(() => tree.fork('three', 'four', 3000))).toBe('AgentNotFound');
  });
});

describe('remove', () => {
  test('children move to the grandparent, and are told', () => {
    const tree = treeOf(agent('root'));
    tree.fork('root', 'middle', 1);
    tree.fork('middle', 'left', 2);
    tree.fork('middle', 'right', 3);
    const { agent: removed, moved } = tree.remove('middle');
    expect(removed.id).toBe('middle');
    expect(moved.map(({ id, parent }) => [id, parent])).toEqual([
      ['left', 'root'],
      ['right', 'root'],
    ]);
    expect(tree.childrenOf('root', ALL)).toEqual(moved);
    expect(tree.remove('root').moved.map(({ parent }) => parent)).toEqual([null, null]);
    tree.checkIntegrity();
    expect(codeOf(() => tree.remove('root'))).toBe('AgentNotFound');
  });
});

describe('rewind', () => {
  const created = agent('one', {
    messages: [{ role: 'system', content: 'be brief' }],
    turns: [{ messages: 1, tokens: 0, at: 1000 }],
  });
  const first = withTurn(created, 2, 10, 2000);
  const second = withTurn(first, 2, 20, 3000);

  test('back by turns: messages, tokens and turns are those of that time, what it has used stays used', () => {
    const tree = treeOf(second);
    const back = tree.rewind('one', { turns: 1 }, 4000);
    expect(back).toMatchObject({ messages: first.messages, tokens: first.tokens, turns: first.turns, totals: second.totals });
    expect(back).toMatchObject({ usedAt: 4000, report: null });
    expect(tree.rewind('one', { turns: 1 }, 5000)).toMatchObject({ messages: created.messages, turns: created.turns });
    expect(tree.get('one', ALL).tokens).toHaveLength(0);
    expect(codeOf(() => tree.rewind('one', { turns: 1 }, 6000))).toBe('InvalidRequest');
  });

  test('back to a message within a turn: the tokens are those of the turn before', () => {
    const tree = treeOf(second);
    const back = tree.rewind('one', { messages: 4 }, 4000);
    expect(back).toMatchObject({ messages: second.messages.slice(0, 4), tokens: first.tokens, turns: first.turns });
    expect(tree.rewind('one', { messages: 0 }, 4000)).toMatchObject({ messages: [], turns: [] });
  });

  test('turns and messages that are not there are refused, and nothing changes', () => {
    const tree = treeOf(second);
    for (const to of [
      { turns: 0 },
      { turns: 3 },
      { turns: 1.5 },
      { turns: -1 },
      { messages: -1 },
      { messages: 6 },
      { messages: Number.NaN },
    ]) {
      expect(codeOf(() => tree.rewind('one', to, 4000))).toBe('InvalidRequest');
    }
    expect(tree.get('one', ALL)).toBe(second);
  });
});

describe('endTurn', () => {
  test('where a template renders earlier turns otherwise, their restore points keep the tokens that are still the same', () => {
    const messages = Array.from({ length: 8 }, () => ({ role: 'user', content: 'x' }));
    const before = agent('one', {
      messages: messages.slice(0, 6),
      tokens: Int32Array.of(1, 2, 3, 4, 5, 6),
      turns: [2, 4, 6].map((n) => ({ messages: n, tokens: n, at: n })),
    });
    const tokens = Int32Array.of(1, 2, 3, 9, 9);
    const report = { promptTokens: 4, cachedTokens: 3, createdTokens: 1, source: 'memory', miss: null } as const;
    const after = endTurn(before, { messages, tools: [], tokens, fingerprint: 'model', completionTokens: 1, report }, 7);
    expect(after.turns.map((turn) => turn.tokens)).toEqual([2, 3, 3, 5]);
    expect(after.totals).toEqual({ promptTokens: 4, cachedTokens: 3, completionTokens: 1 });
    treeOf(after).checkIntegrity();
  });

  test('restore points of turns that are not in the conversation any more go', () => {
    const said = ['a', 'b', 'c', 'd', 'e', 'f'].map((content) => ({ role: 'user', content }));
    const before = agent('one', {
      messages: said,
      tokens: Int32Array.of(1, 2, 3, 4, 5, 6),
      turns: [2, 4, 6].map((n) => ({ messages: n, tokens: n, at: n })),
    });
    const report = { promptTokens: 3, cachedTokens: 2, createdTokens: 1, source: 'memory', miss: null } as const;
    const end = { tools: [], tokens: Int32Array.of(1, 2, 9, 9), fingerprint: 'model', completionTokens: 1, report };
    const edited = [...said.slice(0, 2), { role: 'user', content: 'other' }, { role: 'assistant', content: 'x' }];
    const after = endTurn(before, { ...end, messages: edited }, 7);
    expect(after.turns).toEqual([
      { messages: 2, tokens: 2, at: 2 },
      { messages: 4, tokens: 4, at: 7, told: { cache: report, completionTokens: 1 } },
    ]);
    treeOf(after).checkIntegrity();
    expect(endTurn(before, { ...end, messages: [{ role: 'user', content: 'new' }] }, 7).turns).toHaveLength(1);
  });
});

describe('expired', () => {
  const tree = treeOf(agent('short', { policy: { ...POLICY, ttlSeconds: 60 } }), agent('ever'));
  const idsAt = (now: number): string[] => tree.expired(now).map(({ id }) => id);

  test('an agent ends so many seconds after its last use', () => {
    expect(idsAt(60_999)).toEqual([]);
    expect(idsAt(61_000)).toEqual(['short']);
  });

  test('a clock that goes back ends nothing, one that jumps far forward ends what has a time', () => {
    expect(idsAt(-1e15)).toEqual([]);
    expect(idsAt(1e15)).toEqual(['short']);
  });
});

describe('checkIntegrity', () => {
  test('restore points that descend or reach beyond what there is are found', () => {
    const message = { role: 'user', content: 'x' };
    const wrong = (turns: [number, number][]): AgentContext =>
      agent('one', {
        messages: [message, message],
        tokens: Int32Array.of(1, 2, 3),
        turns: turns.map(([messages, tokens]) => ({ messages, tokens, at: 0 })),
      });
    expect(() =>
      treeOf(
        wrong([
          [1, 1],
          [2, 3],
        ]),
      ).checkIntegrity(),
    ).not.toThrow();
    expect(() => treeOf(wrong([[3, 3]])).checkIntegrity()).toThrow('one: turn 0 ends behind the messages');
    expect(() => treeOf(wrong([[2, 4]])).checkIntegrity()).toThrow('one: turn 0 ends behind the tokens');
    expect(() =>
      treeOf(
        wrong([
          [2, 1],
          [1, 2],
        ]),
      ).checkIntegrity(),
    ).toThrow('one: turn 0 ends behind the messages');
    expect(() =>
      treeOf(
        wrong([
          [1, 2],
          [2, 1],
        ]),
      ).checkIntegrity(),
    ).toThrow('one: turn 0 ends behind the tokens');
  });
});

test('whatever happens to a forest of agents: it stays one, and every agent is found by who may see it', () => {
  const pick = fc.nat(1000);
  const move = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), scope: fc.constantFrom('a', 'b'), ttl: fc.option(fc.nat(100)) }),
    fc.record({ kind: fc.constant('fork' as const), pick }),
    fc.record({
      kind: fc.constant('turn' as const),
      pick,
      messages: fc.integer({ min: 1, max: 4 }),
      tokens: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant('rewindTurns' as const), pick, count: fc.nat(4) }),
    fc.record({ kind: fc.constant('rewindMessages' as const), pick, count: fc.nat(12) }),
    fc.record({ kind: fc.constant('remove' as const), pick }),
    fc.record({ kind: fc.constant('expire' as const), now: fc.nat(400_000) }),
    fc.record({ kind: fc.constant('reopen' as const), seed: pick }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      let tree = new AgentTree();
      let now = 1000;
      let next = 0;
      const parents = new Map<string, string | null>(); // what a simple model of the forest says
      const remove = (id: string): void => {
        tree.remove(id);
        for (const [child, parent] of parents) if (parent === id) parents.set(child, parents.get(id)!);
        parents.delete(id);
      };
      for (const happening of moves) {
        now += 1000;
        const ids = [...parents.keys()];
        const id = 'pick' in happening ? ids[happening.pick % Math.max(1, ids.length)] : undefined;
        if (happening.kind === 'add') {
          const { scope, ttl } = happening;
          const policy = { ...POLICY, ttlSeconds: ttl };
          tree.add(agent(`agent-${next}`, { scope, usedAt: now, policy }));
          parents.set(`agent-${next++}`, null);
        } else if (happening.kind === 'expire') {
          const isOver = ({ usedAt, policy }: AgentContext): boolean =>
            policy.ttlSeconds !== null && happening.now - usedAt >= policy.ttlSeconds * 1000;
          const wanted = tree.list(ALL).filter(isOver);
          expect(tree.expired(happening.now)).toEqual(wanted);
          wanted.forEach((one) => remove(one.id));
        } else if (happening.kind === 'reopen') {
          const stored = tree.list(ALL);
          const from = happening.seed % Math.max(1, stored.length);
          tree = AgentTree.of([...stored.slice(from), ...stored.slice(0, from)].toReversed());
          expect(new Set(tree.list(ALL))).toEqual(new Set(stored));
        } else if (id !== undefined) {
          const before = tree.get(id, ALL);
          if (happening.kind === 'fork') {
            tree.fork(id, `agent-${next}`, now);
            parents.set(`agent-${next++}`, id);
          } else if (happening.kind === 'turn') {
            tree.update(withTurn(before, happening.messages, happening.tokens, now));
          } else if (happening.kind === 'rewindTurns') {
            const code = codeOf(() => tree.rewind(id, { turns: happening.count }, now));
            const allowed = happening.count >= 1 && happening.count <= before.turns.length;
            expect(code).toBe(allowed ? 'nothing was thrown' : 'InvalidRequest');
            if (allowed) expect(tree.get(id, ALL).turns).toEqual(before.turns.slice(0, -happening.count));
          } else if (happening.kind === 'rewindMessages') {
            const code = codeOf(() => tree.rewind(id, { messages: happening.count }, now));
            expect(code).toBe(happening.count <= before.messages.length ? 'nothing was thrown' : 'InvalidRequest');
            if (code !== 'InvalidRequest') expect(tree.get(id, ALL).messages).toEqual(before.messages.slice(0, happening.count));
          } else {
            remove(id);
          }
        }
        tree.checkIntegrity();
        expect(Object.fromEntries(tree.list(ALL).map((one) => [one.id, one.parent]))).toEqual(Object.fromEntries(parents));
        for (const one of tree.list(ALL)) {
          const children = tree.childrenOf(one.id, { scope: one.scope, seesAll: false });
          expect(new Set(children.map((child) => child.id))).toEqual(
            new Set([...parents].flatMap(([child, parent]) => (parent === one.id ? [child] : []))),
          );
        }
      }
    }),
    { numRuns: 200 },
  );
});
