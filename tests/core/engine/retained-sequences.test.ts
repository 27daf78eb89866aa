import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonPrefix, RetainedSequences, type RetentionLimits } from '../../../src/core/engine/retained-sequences.js';

const limits: RetentionLimits = { maxSequences: 3, maxTokens: 1024, blockTokens: 256, minReuseShare: 0.5 };
const kept = (sequence: number, tokens: readonly number[], sessionId: string | null = null) => ({
  sequence,
  tokens: Int32Array.from(tokens),
  sessionId,
});

describe('take', () => {
  test('take() gives the longest common prefix, and leaves a token to prefill', () => {
    const retained = new RetainedSequences(limits);
    retained.retain(kept(1, [1, 2, 9]));
    retained.retain(kept(2, [1, 2, 3, 4]));
    expect(retained.take(Int32Array.of(1, 2, 3, 4), null)).toMatchObject({ entry: { sequence: 2 }, sharedTokens: 3 });
  });

  test('take() prefers the sequence of the same session', () => {
    const retained = new RetainedSequences(limits);
    retained.retain(kept(1, [1, 2, 7], 'a'));
    retained.retain(kept(2, [1, 2, 3, 4], 'b'));
    expect(retained.take(Int32Array.of(1, 2, 3, 4, 5), 'a')).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2 });
  });

  test('take() does not cut down a long conversation for a short common start', () => {
    const retained = new RetainedSequences(limits);
    retained.retain(kept(1, [1, 2, 3, 4, 5, 6, 7, 8], 'a'));
    expect(retained.take(Int32Array.of(1, 2, 30), 'b')).toBeNull();
    expect(retained.size).toBe(1);
  });

  test('take() gives nothing where the first token differs', () => {
    const retained = new RetainedSequences(limits);
    retained.retain(kept(1, [1, 2, 3], 'a'));
    expect(retained.take(Int32Array.of(2, 2, 3), 'a')).toBeNull();
  });
});

describe('retain', () => {
  test('retain() hands back the least recently used beyond the count', () => {
    const retained = new RetainedSequences(limits);
    for (const id of [1, 2, 3]) expect(retained.retain(kept(id, [id]))).toEqual([]);
    expect(retained.retain(kept(4, [4])).map(({ sequence }) => sequence)).toEqual([1]);
  });

  test('retain() counts whole buffers against the token bound', () => {
    const retained = new RetainedSequences(limits);
    retained.retain(kept(1, [1]));
    expect(retained.tokens).toBe(256);
    expect(
      retained
        .retain(
          kept(
            2,
            Array.from({ length: 1000 }, () => 2),
          ),
        )
        .map(({ sequence }) => sequence),
    ).toEqual([1]);
  });

  test('retain() hands back a sequence that the new one contains', () => {
    const retained = new RetainedSequences(limits);
    retained.retain(kept(1, [1, 2]));
    expect(retained.retain(kept(2, [1, 2, 3])).map(({ sequence }) => sequence)).toEqual([1]);
  });
});

test('every sequence is at any time either kept, handed out once, or handed back once, and what is shared is truly equal', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 });
  const session = fc.constantFrom(null, 'a', 'b');
  const move = fc.oneof(
    fc.record({ kind: fc.constant('retain' as const), tokens, session }),
    fc.record({ kind: fc.constant('take' as const), tokens, session }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const retained = new RetainedSequences(limits);
      const alive = new Map<number, Int32Array>();
      let next = 1;
      for (const { kind, tokens: ids, session: sessionId } of moves) {
        if (kind === 'retain') {
          const entry = kept(next++, ids, sessionId);
          alive.set(entry.sequence, entry.tokens);
          for (const { sequence } of retained.retain(entry)) expect(alive.delete(sequence)).toBe(true);
        } else {
          const prompt = Int32Array.from(ids);
          const found = retained.take(prompt, sessionId);
          if (found === null) continue;
          expect(alive.delete(found.entry.sequence)).toBe(true);
          expect(found.sharedTokens).toBeGreaterThan(0);
          expect(found.sharedTokens).toBeLessThan(prompt.length);
          expect([...found.entry.tokens.subarray(0, found.sharedTokens)]).toEqual([...prompt.subarray(0, found.sharedTokens)]);
        }
        expect(retained.size).toBe(alive.size);
        expect(retained.size).toBeLessThanOrEqual(limits.maxSequences);
        expect(retained.tokens).toBeLessThanOrEqual(limits.maxTokens);
      }
      for (const { sequence } of retained.shrinkTo(0, 0)) alive.delete(sequence);
      expect(alive.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('commonPrefix() counts leading equal ids', () => {
  expect(commonPrefix(Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 4, 5))).toBe(2);
  expect(commonPrefix(Int32Array.of(), Int32Array.of(1))).toBe(0);
});
