import { afterEach, beforeEach, expect, it } from 'vitest';
import { takeFuzzOptions } from '../../bin/bootstrap/fuzz-options.js';

const NAMES = ['FUZZ_REQUESTS', 'FUZZ_STREAMS', 'FUZZ_SEED', 'FUZZ_FIRST'];
let before: (string | undefined)[];
beforeEach(() => (before = NAMES.map((name) => process.env[name])));
afterEach(() => {
  for (const [i, name] of NAMES.entries()) {
    if (before[i] === undefined) delete process.env[name];
    else process.env[name] = before[i];
  }
});

const told = (): (string | undefined)[] => NAMES.map((name) => process.env[name]);

it('nothing said is the long form', () => {
  expect(takeFuzzOptions([])).toEqual([]);
  expect(told()).toEqual(['10000', '1000', '1', '0']);
});

it('what is said is taken, in either spelling, and the rest is for vitest', () => {
  expect(takeFuzzOptions(['--requests', '50', '--reporter=json', '--seed=7', '-t', 'daemon', '--streams', '0'])).toEqual([
    '--reporter=json',
    '-t',
    'daemon',
  ]);
  expect(told()).toEqual(['50', '0', '7', '0']);
});
