import { expect, test } from 'vitest';
import { planReplay } from '../../../src/client/replay/plan.js';
import { exchangeOf } from '../../adapters/recordings/exchanges.js';

/** 2 and 3 came at once, while 1 was answered; 4 goes on from 2 and came when 3 still ran. */
const exchanges = [
  exchangeOf({ id: 1, at: 1_000, totalMs: 500 }),
  exchangeOf({ id: 2, at: 1_600, totalMs: 100 }),
  exchangeOf({ id: 3, at: 1_610, totalMs: 5_000 }),
  exchangeOf({ id: 4, at: 2_000, totalMs: 100, predecessor: 2 }),
];

test('without pauses each waits for all that had been answered when it came, and for nothing else; who waits for one that has waited need not', () => {
  expect(planReplay(exchanges, 'max').map(({ after, notBefore }) => [after, notBefore])).toEqual([
    [[], 0],
    [[1], 0],
    [[1], 0],
    [[2], 0],
  ]);
});

test('with pauses each waits for its time and for the answer that it goes on from', () => {
  expect(planReplay(exchanges, 1).map(({ after, notBefore }) => [after, notBefore])).toEqual([
    [[], 0],
    [[], 600],
    [[], 610],
    [[2], 1_000],
  ]);
  expect(planReplay(exchanges, 4).map(({ notBefore }) => notBefore)).toEqual([0, 150, 152.5, 250]);
});

test('a predecessor that is not in the recording is waited for by nobody', () => {
  expect(planReplay([exchangeOf({ id: 7, predecessor: 3 })], 'max')[0]?.after).toEqual([]);
});
