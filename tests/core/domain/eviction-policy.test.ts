import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EvictionPolicy } from '../../../src/core/domain/eviction-policy.js';

function order(policy: EvictionPolicy): number[] {
  const ids: number[] = [];
  for (let id = policy.next(); id !== null; id = policy.next()) {
    ids.push(id);
    policy.remove(id);
  }
  return ids;
}

describe('next', () => {
  test('the least recently used goes first', () => {
    const policy = new EvictionPolicy();
    for (const id of [1, 2, 3]) policy.use(id);
    policy.use(1);
    expect(order(policy)).toEqual([2, 3, 1]);
  });

  test('an expected next use puts one off by as many uses of others, not for ever', () => {
    const policy = new EvictionPolicy();
    policy.use(1, 2);
    for (const id of [2, 3, 4, 5]) policy.use(id);
    expect(order(policy)).toEqual([2, 1, 3, 4, 5]);
  });

  test('what is pinned stays until it is unpinned, also through another use', () => {
    const policy = new EvictionPolicy();
    policy.use(1);
    policy.pin(1, true);
    policy.use(1);
    expect(policy.next()).toBeNull();
    policy.pin(1, false);
    expect(policy.next()).toBe(1);
  });

  test('pin() throws for an id that is not there', () => {
    expect(() => new EvictionPolicy().pin(7, true)).toThrow('[eviction] 7 is not known');
  });
});

test('next() is at any time the one that a sort by last use and bonus puts first among those not pinned', () => {
  const id = fc.nat(5);
  const move = fc.oneof(
    fc.record({ kind: fc.constant('use' as const), id, bonus: fc.nat(6) }),
    fc.record({ kind: fc.constant('pin' as const), id, pinned: fc.boolean() }),
    fc.record({ kind: fc.constant('remove' as const), id }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 50 }), (moves) => {
      const policy = new EvictionPolicy();
      const model = new Map<number, { due: number; pinned: boolean }>();
      let now = 0;
      for (const happening of moves) {
        if (happening.kind === 'use') {
          policy.use(happening.id, happening.bonus);
          model.set(happening.id, { due: ++now + happening.bonus, pinned: model.get(happening.id)?.pinned ?? false });
        } else if (happening.kind === 'remove') {
          policy.remove(happening.id);
          model.delete(happening.id);
        } else if (model.has(happening.id)) {
          policy.pin(happening.id, happening.pinned);
          model.get(happening.id)!.pinned = happening.pinned;
        }
        const free = [...model].filter(([, { pinned }]) => !pinned).toSorted((a, b) => a[1].due - b[1].due);
        const next = policy.next();
        if (free.length === 0) expect(next).toBeNull();
        else expect(model.get(next!)).toMatchObject({ due: free[0]![1].due, pinned: false });
      }
    }),
  );
});
