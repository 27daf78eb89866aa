import { expect, test } from 'vitest';
import { chainStartOf } from '../../../src/core/domain/cache-key.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

test('chains of another fingerprint or another scope begin with another hash, wherever the border between the two names is', () => {
  const keys = [
    { fingerprint: 'ab', scope: 'c' },
    { fingerprint: 'a', scope: 'bc' },
    { fingerprint: 'abc', scope: '' },
    { fingerprint: 'ab', scope: 'd' },
    { fingerprint: 'ab', scope: '","c' },
  ];
  const starts = keys.map((key) => chainStartOf(key, sha256));
  expect(new Set(starts).size).toBe(keys.length);
  expect(starts).toEqual(keys.map((key) => chainStartOf({ ...key }, sha256)));
  for (const start of starts) expect(start).toMatch(/^[0-9a-f]{64}$/);
});
