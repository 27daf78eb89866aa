import { describe, expect, test } from 'vitest';
import { formatAgo } from '../../../src/commands/format/ago.js';
import { formatBytes } from '../../../src/commands/format/bytes.js';
import { formatTable } from '../../../src/commands/format/table.js';
import { drawTree } from '../../../src/commands/format/tree.js';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [9949, '9.9 kB'],
  [9950, '10 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [18_432_000, '18 MB'],
  [2_500_000_000, '2.5 GB'],
  [3e15, '3000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [-5, '0 s ago'],
  [59, '59 s ago'],
  [60, '1 min ago'],
  [3599, '59 min ago'],
  [7200, '2 h ago'],
  [200_000, '2 d ago'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatAgo(1000, 1000 + seconds)).toBe(text);
});

describe('formatTable()', () => {
  test('columns are as wide as they must be, numbers stand to the right, nothing trails', () => {
    const lines = formatTable(
      ['NAME', 'N', 'LAST'],
      [
        ['a', 1, ''],
        ['longer', 1234, 'x'],
      ],
    );
    expect(lines).toEqual(['NAME       N  LAST', 'a          1', 'longer  1234  x']);
  });
});

test('drawTree() leads a line to each child, and ends it at the last', () => {
  const leaf = (value: string) => ({ value, children: [] });
  const tree = {
    value: 'root',
    children: [
      { value: 'a', children: [leaf('b'), leaf('c')] },
      { value: 'd', children: [leaf('e')] },
    ],
  };
  expect(drawTree([tree, leaf('other')])).toEqual(['root', '├─ a', '│  ├─ b', '│  └─ c', '└─ d', '   └─ e', 'other']);
});
