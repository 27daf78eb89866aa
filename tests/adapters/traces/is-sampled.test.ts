import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSampled } from '../../../src/adapters/traces/is-sampled.js';

const NONE_OF_IT = '0'.repeat(32);
const ALL_OF_IT = 'f'.repeat(32);

test('of all traces none is sampled at 0 and every one at 1, whatever its id', () => {
  for (const id of [NONE_OF_IT, ALL_OF_IT, randomBytes(16).toString('hex')]) {
    expect([isSampled(id, 0), isSampled(id, 1)]).toEqual([false, true]);
  }
});

test('a share of them is, always the same ones, and a larger share has the smaller one in it', () => {
  const ids = Array.from({ length: 4_000 }, () => randomBytes(16).toString('hex'));
  const tenth = ids.filter((id) => isSampled(id, 0.1));
  expect(tenth.length).toBeGreaterThan(250);
  expect(tenth.length).toBeLessThan(550);
  expect(tenth.every((id) => isSampled(id, 0.1) && isSampled(id, 0.5))).toBe(true);
});
