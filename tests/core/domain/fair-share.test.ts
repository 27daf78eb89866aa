import { expect, test } from 'vitest';
import { FairShare } from '../../../src/core/domain/fair-share.js';

test('who comes later begins at the lowest of those who are there, and keeps what it had above that', () => {
  const share = new FairShare();
  share.join('a');
  share.join('b');
  share.serve('a', 100);
  share.serve('b', 70);
  share.join('c');
  expect(share.of('c')).toBe(70);
  share.leave('a');
  share.join('a');
  expect(share.of('a')).toBe(100);
  share.leave('b');
  share.serve('c', 50);
  share.join('b');
  expect(share.of('b')).toBe(100); // a is the lowest now
});

test('a name is there as often as it joined, and is forgotten when nobody is left', () => {
  const share = new FairShare();
  share.join('a');
  share.join('a');
  share.serve('a', 5);
  share.leave('a');
  expect([share.size, share.of('a')]).toEqual([1, 5]);
  share.leave('a');
  expect([share.size, share.of('a')]).toEqual([0, 0]);
  expect(() => share.leave('a')).toThrow('[fair_share] a is not there');
});
