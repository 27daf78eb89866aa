import { describe, expect, test } from 'vitest';
import { isDeeperThan } from '../../src/server/json-depth.js';

const isDeep = (text: string, most: number): boolean => isDeeperThan(Buffer.from(text), most);

describe('isDeeperThan', () => {
  test.each([
    ['1', 0, false],
    ['[]', 0, true],
    ['[]', 1, false],
    ['[[],[],{}]', 2, false],
    ['[[],[{}]]', 2, true],
    ['{"a":{"b":[1]}}', 3, false],
    ['{"a":{"b":[1]}}', 2, true],
    ['['.repeat(1_000_000), 256, true],
    ['[]'.repeat(1_000_000), 256, false],
  ])('%.30s at %i is %s', (text, most, deeper) => expect(isDeep(text, most)).toBe(deeper));

  test('brackets in strings are none, whatever is escaped in them', () => {
    for (const text of [JSON.stringify('[[[['), JSON.stringify('"[[['), JSON.stringify('\\'), JSON.stringify('\\"[[\\\\'), '"[[[']) {
      expect([text, isDeep(text, 0)]).toEqual([text, false]);
      expect([text, isDeep(`[${text}`, 1)]).toEqual([text, false]);
    }
    expect(isDeep(`${JSON.stringify('\\')}[`, 0)).toBe(true);
  });
});
