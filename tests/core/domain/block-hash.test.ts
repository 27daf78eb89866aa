import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockHash, chainStart } from '../../../src/core/domain/block-hash.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

const ids = fc.array(fc.nat(200_000), { minLength: 1, maxLength: 256 }).map((list) => Int32Array.from(list));

describe('blockHash', () => {
  test('it is SHA-256 over the previous hash and the ids as little-endian 32-bit words', () => {
    fc.assert(
      fc.property(ids, (tokens) => {
        const previous = chainStart(sha256, 'model');
        const words = Buffer.alloc(4 * tokens.length);
        tokens.forEach((token, i) => words.writeInt32LE(token, 4 * i));
        const wanted = createHash('sha256').update(Buffer.from(previous, 'hex')).update(words).digest('hex');
        expect(blockHash(sha256, previous, tokens)).toBe(wanted);
      }),
    );
  });

  test('another fingerprint, another earlier block or one other id gives another hash', () => {
    fc.assert(
      fc.property(ids, fc.nat(), (tokens, pick) => {
        const start = chainStart(sha256, 'model');
        const hash = blockHash(sha256, start, tokens);
        const changed = tokens.slice();
        changed[pick % tokens.length]! ^= 1;
        expect(blockHash(sha256, start, changed)).not.toBe(hash);
        expect(blockHash(sha256, chainStart(sha256, 'other'), tokens)).not.toBe(hash);
        expect(blockHash(sha256, blockHash(sha256, start, changed), tokens)).not.toBe(blockHash(sha256, hash, tokens));
      }),
    );
  });
});
