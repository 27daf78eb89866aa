import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonPrefix } from '../../../src/core/domain/common-prefix.js';
import { PrefixIndex } from '../../../src/core/domain/prefix-index.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

const sevens = (length: number): number[] => Array.from({ length }, () => 7);

/** Lists that share whole blocks, end at borders or next to them, and differ anywhere. */
const list = fc
  .record({
    blocks: fc.array(fc.nat(1), { maxLength: 3 }),
    tail: fc.oneof(
      fc.array(fc.nat(1), { maxLength: 6 }),
      fc.tuple(fc.integer({ min: 250, max: 255 }), fc.nat(2)).map(([length, last]) => [...sevens(length), last]),
    ),
  })
  .map(({ blocks, tail }) => {
    const whole = blocks.flatMap((seed) => [...sevens(200), seed, ...sevens(55)]);
    return Int32Array.from([...whole, ...tail]);
  });

const ramp = (length: number, change: Record<number, number> = {}): Int32Array => Int32Array.from({ length }, (_, i) => change[i] ?? i);

describe('matches', () => {
  test('the list that shares the most comes first, to the token', () => {
    const index = new PrefixIndex('model', sha256);
    index.add(1, '', ramp(700, { 300: 0 }));
    index.add(2, '', ramp(700, { 513: 0 }));
    index.add(3, '', ramp(700, { 511: 0 }));
    index.add(4, '', ramp(256));
    index.add(5, '', ramp(700, { 0: 1 }));
    expect([...index.matches('', ramp(600))]).toEqual([
      { id: 2, sharedTokens: 513 },
      { id: 3, sharedTokens: 511 },
      { id: 1, sharedTokens: 300 },
      { id: 4, sharedTokens: 256 },
    ]);
  });

  test('a list of another scope is never found', () => {
    const index = new PrefixIndex('model', sha256);
    index.add(1, 'key a', ramp(600));
    expect([...index.matches('key b', ramp(600))]).toEqual([]);
    expect([...index.matches('key a', ramp(600))]).toEqual([{ id: 1, sharedTokens: 600 }]);
  });

  test('of thousands that share all but their last token, the one that shares that too comes first', () => {
    const index = new PrefixIndex('model', sha256);
    for (let id = 1; id <= 2000; id++) index.add(id, '', ramp(300, { 299: id + 1000 }));
    expect(index.matches('', ramp(300, { 299: 1500 })).next().value).toEqual({ id: 500, sharedTokens: 300 });
  });
});

test('add() and remove() throw for an id that is in, or is not', () => {
  const index = new PrefixIndex('model', sha256);
  index.add(1, '', ramp(3));
  expect(() => index.add(1, '', ramp(4))).toThrow('[prefix_index] 1 is in the index already');
  expect(() => index.remove(2)).toThrow('[prefix_index] 2 is not in the index');
});

test('whatever is added and removed: every list is found with what a scan of all lists finds, in falling order', () => {
  const scope = fc.constantFrom('a', 'b');
  const move = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), scope, tokens: list }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('find' as const), scope, tokens: list }) },
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const index = new PrefixIndex('model', sha256);
      const all = new Map<number, { scope: string; tokens: Int32Array }>();
      let next = 1;
      for (const happening of moves) {
        if (happening.kind === 'add') {
          all.set(next, happening);
          index.add(next++, happening.scope, happening.tokens);
        } else if (happening.kind === 'remove') {
          const id = [...all.keys()][happening.pick % Math.max(1, all.size)];
          if (id === undefined) continue;
          all.delete(id);
          index.remove(id);
        } else {
          const found = [...index.matches(happening.scope, happening.tokens)];
          const shared = found.map(({ sharedTokens }) => sharedTokens);
          expect(shared).toEqual(shared.toSorted((a, b) => b - a));
          const scanned = [...all]
            .filter(([, entry]) => entry.scope === happening.scope)
            .map(([id, entry]) => [id, commonPrefix(entry.tokens, happening.tokens)] as const)
            .filter(([, sharedTokens]) => sharedTokens > 0);
          expect(found.length).toBe(scanned.length);
          expect(new Map(found.map(({ id, sharedTokens }) => [id, sharedTokens]))).toEqual(new Map(scanned));
        }
        index.checkIntegrity();
        expect(index.size).toBe(all.size);
      }
    }),
    { numRuns: 300 },
  );
});
