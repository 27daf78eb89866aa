import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rowsOf, sortRows } from '../../../src/commands/top/rows.js';
import { agent, sequence, snapshotOf } from './snapshot-of.js';

describe('rowsOf()', () => {
  test('a request stands for its agent; requests without one have their number, agents without one are as they are', () => {
    const rows = rowsOf(snapshotOf([sequence(7, { agent: 'research' }), sequence(8)], [agent('research'), agent('writer')]));
    expect(rows.map(({ name, state, kvTokens, age }) => [name, state, kvTokens, age])).toEqual([
      ['research', 'decode', 120, 2.5],
      ['#8', 'decode', 120, 2.5],
      ['writer', 'idle', 500, 90],
    ]);
  });

  test('an agent keeps its key when it falls idle', () => {
    const [busy] = rowsOf(snapshotOf([sequence(7, { agent: 'research' })], [agent('research')]));
    const [idle] = rowsOf(snapshotOf([], [agent('research')]));
    expect(busy!.key).toBe(idle!.key);
  });

  test('two requests of one agent are two rows with keys of their own', () => {
    const rows = rowsOf(snapshotOf([sequence(7, { agent: 'a' }), sequence(8, { agent: 'a', state: 'waiting' })], [agent('a')]));
    expect(rows.map(({ name }) => name)).toEqual(['a', 'a']);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(2);
  });
});

describe('sortRows()', () => {
  const rows = rowsOf(
    snapshotOf(
      [
        sequence(1, { agent: 'agent-10', tokens_per_second: 5, kv_tokens: 10, age_ms: 1000 }),
        sequence(2, { agent: 'agent-9', tokens_per_second: 7, kv_tokens: 5, age_ms: 9000 }),
      ],
      [agent('zoe')],
    ),
  );
  const names = (...by: [Parameters<typeof sortRows>[1], boolean]) => sortRows(rows, ...by).map(({ name }) => name);

  test('the fastest, largest, oldest come first, names as people count', () => {
    expect(names('rate', false)).toEqual(['agent-9', 'agent-10', 'zoe']);
    expect(names('kv', false)).toEqual(['zoe', 'agent-10', 'agent-9']);
    expect(names('age', false)).toEqual(['zoe', 'agent-9', 'agent-10']);
    expect(names('name', false)).toEqual(['agent-9', 'agent-10', 'zoe']);
    expect(names('name', true)).toEqual(['zoe', 'agent-10', 'agent-9']);
  });

  test('whatever order rows come in, they end in one order', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(rows, { minLength: 3 }),
        fc.constantFrom('rate', 'kv', 'age', 'name'),
        fc.boolean(),
        (mixed, sort, reversed) => {
          expect(sortRows(mixed, sort, reversed)).toEqual(sortRows(rows, sort, reversed));
        },
      ),
    );
  });
});
