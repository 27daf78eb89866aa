import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clip, fit, wrap } from '../../../src/commands/top/line.js';

test('fit() takes parts as long as there is room, and cuts the first where there is none', () => {
  expect(fit(['one', 'two', 'three'], 100)).toBe('one   two   three');
  expect(fit(['one', 'two', 'three'], 10)).toBe('one   two');
  expect(fit(['one'], 2)).toBe('o…');
});

test('clip() says that it cut', () => {
  expect([clip('abcdef', 6), clip('abcdef', 4), clip('abcdef', 1), clip('abcdef', 0)]).toEqual(['abcdef', 'abc…', '…', '']);
});

describe('wrap()', () => {
  test('lines break between words, what follows is indented', () => {
    expect(wrap('  last turn  nine prompt tokens', 20)).toEqual(['  last turn  nine', '    prompt tokens']);
  });

  test('nothing but spaces is lost, no line is too wide, and it ends', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.integer({ min: 2, max: 90 }), (text, columns) => {
        const lines = wrap(text, columns);
        for (const one of lines) expect(one.length).toBeLessThanOrEqual(columns);
        expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
      }),
    );
  });
});
