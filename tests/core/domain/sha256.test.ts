import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/core/domain/sha256.js';

test('sha256() gives what OpenSSL gives, for every length around a block border and any bytes', () => {
  const openSsl = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    expect(sha256(bytes)).toBe(openSsl(bytes));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      expect(sha256(bytes)).toBe(openSsl(bytes));
    }),
  );
});
