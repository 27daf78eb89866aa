import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from '../../../src/core/domain/block-pool.js';
import { commonPrefix } from '../../../src/core/domain/common-prefix.js';
import { RetainedSequences, type RetentionLimits } from '../../../src/core/engine/retained-sequences.js';
import { BLOCK_BYTES, TINY_CACHE } from './tiny-cache.js';

const limits: RetentionLimits = { maxSequences: 3, maxBytes: 4 * BLOCK_BYTES, windowSlackTokens: 0, minReuseShare: 0.5, toolWaitBonus: 2 };

/** Kept sequences over a pool of ten blocks; `keep` retains one whose request had set two blocks aside. */
function create(changes: Partial<RetentionLimits> = {}) {
  const pool = new BlockPool(TINY_CACHE, { bytes: 10 * BLOCK_BYTES });
  const retained = new RetainedSequences({ ...limits, ...changes }, TINY_CACHE, pool, 'model');
  const keep = (sequence: number, tokens: readonly number[], sessionId: string | null = null, awaitsTool = false): number[] => {
    const lease = pool.allocate(TINY_CACHE.blocksFor(tokens.length + 256));
    return retained.retain({ sequence, tokens: Int32Array.from(tokens), sessionId, awaitsTool, lease });
  };
  return { pool, retained, keep };
}

describe('take', () => {
  test('take() gives the longest common prefix, and leaves a token to prefill', () => {
    const { retained, keep } = create();
    keep(1, [1, 2, 9]);
    keep(2, [1, 2, 3, 4]);
    expect(retained.take(Int32Array.of(1, 2, 3, 4), null)).toMatchObject({ entry: { sequence: 2 }, sharedTokens: 3 });
  });

  test('take() hands a session its own sequence when another one shares as much', () => {
    const { retained, keep } = create();
    keep(1, [1, 2, 7], 'a');
    keep(2, [1, 2, 8], 'b');
    expect(retained.take(Int32Array.of(1, 2, 3), 'a')).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2, fork: false });
    expect(retained.size).toBe(1);
  });

  test('take() leaves a conversation to its session and has others fork it', () => {
    const { retained, keep } = create();
    keep(1, [1, 2, 3, 4, 5, 6, 7, 8], 'a');
    for (const other of ['b', null]) {
      expect(retained.take(Int32Array.of(1, 2, 30), other)).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2, fork: true });
    }
    expect(retained.take(Int32Array.of(1, 2, 30), 'a')).toMatchObject({ fork: true }); // it would cut more than it keeps
    expect(retained.size).toBe(1);
    expect(retained.take(Int32Array.of(1, 2, 3, 4, 5, 30), 'a')).toMatchObject({ sharedTokens: 5, fork: false });
    expect(retained.size).toBe(0);
  });

  test('take() takes what has no session only when it goes on whole', () => {
    const { retained, keep } = create();
    keep(1, [1, 2, 3]);
    expect(retained.take(Int32Array.of(1, 2, 30), null)).toMatchObject({ sharedTokens: 2, fork: true });
    expect(retained.take(Int32Array.of(1, 2, 3, 4), 'a')).toMatchObject({ sharedTokens: 3, fork: false });
  });

  test('of two that share the same, take() gives the one that loses less', () => {
    const { retained, keep } = create();
    keep(1, [1, 2, 3]);
    keep(2, [1, 2, 4, 5]);
    expect(retained.take(Int32Array.of(1, 2, 30), null)).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2 });
  });

  test('take() gives nothing where the first token differs', () => {
    const { retained, keep } = create();
    keep(1, [1, 2, 3], 'a');
    expect(retained.take(Int32Array.of(2, 2, 3), 'a')).toBeNull();
  });
});

describe('retain', () => {
  test('retain() hands back the least recently used beyond the count', () => {
    const { keep } = create();
    for (const id of [1, 2, 3]) expect(keep(id, [id])).toEqual([]);
    expect(keep(4, [4])).toEqual([1]);
  });

  test('a sequence that waits for a tool outlasts as many later ones as it is given, and not one more', () => {
    const { keep } = create({ maxSequences: 2 });
    keep(1, [1], null, true);
    expect([2, 3, 4, 5].map((id) => keep(id, [id]))).toEqual([[], [2], [1], [3]]);
  });

  test('retain() gives back the blocks that were set aside and not used, and counts the rest against the bytes', () => {
    const { pool, retained, keep } = create();
    keep(1, [1]);
    expect([retained.bytes, pool.counts().usedBytes]).toEqual([BLOCK_BYTES, BLOCK_BYTES]);
    const evicted = keep(
      2,
      Array.from({ length: 1000 }, () => 2),
    );
    expect([evicted, retained.bytes, retained.tokens]).toEqual([[1], 4 * BLOCK_BYTES, 1000]);
  });

  test('retain() hands back a sequence that the new one contains', () => {
    const { keep } = create();
    keep(1, [1, 2]);
    expect(keep(2, [1, 2, 3])).toEqual([1]);
  });
});

test('makeRoom() lets go of as many as a request needs beside what it took over', () => {
  const { pool, retained, keep } = create();
  for (const id of [1, 2, 3]) keep(id, [id, id]);
  const { lease } = retained.take(Int32Array.of(3, 3, 3), null)!.entry;
  expect(retained.makeRoom([8], [1])).toEqual([]);
  expect(retained.makeRoom([9], [1])).toEqual([1]);
  pool.resize(lease, [9]);
  expect(pool.counts().freeBytes).toBe(0);
});

test('every sequence is at any time either kept, handed out once, or handed back once; take() finds what a scan of all finds', () => {
  const tokens = fc
    .record({ long: fc.boolean(), rest: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 }) })
    .map(({ long, rest }) => [...(long ? Array.from({ length: 252 }, (_, i) => i) : []), ...rest]);
  const session = fc.constantFrom(null, 'a', 'b');
  const move = fc.oneof(
    fc.record({ kind: fc.constant('retain' as const), tokens, session, awaitsTool: fc.boolean() }),
    fc.record({ kind: fc.constant('take' as const), tokens, session }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const { pool, retained, keep } = create();
      const alive = new Map<number, { tokens: Int32Array; sessionId: string | null }>();
      let next = 1;
      for (const happening of moves) {
        const { tokens: ids, session: sessionId } = happening;
        const prompt = Int32Array.from(ids);
        if (happening.kind === 'retain') {
          const sequence = next++;
          alive.set(sequence, { tokens: prompt, sessionId });
          for (const gone of keep(sequence, ids, sessionId, happening.awaitsTool)) expect(alive.delete(gone)).toBe(true);
        } else {
          const shared = [...alive.values()].map((entry) => {
            const sharedTokens = Math.min(commonPrefix(entry.tokens, prompt), prompt.length - 1);
            return sharedTokens;
          });
          const most = Math.max(0, ...shared);
          const found = retained.take(prompt, sessionId);
          expect(found?.sharedTokens ?? 0).toBe(most);
          if (found !== null) {
            expect(alive.has(found.entry.sequence)).toBe(true);
            expect([...found.entry.tokens.subarray(0, most)]).toEqual(ids.slice(0, most));
            if (!found.fork) {
              alive.delete(found.entry.sequence);
              pool.free(found.entry.lease);
            }
          }
        }
        retained.checkIntegrity();
        pool.checkIntegrity();
        expect(retained.size).toBe(alive.size);
        expect(pool.counts().usedBytes).toBe(retained.bytes);
      }
      for (const sequence of retained.clear()) alive.delete(sequence);
      expect([alive.size, pool.counts().usedBytes]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});

test('commonPrefix() counts leading equal ids', () => {
  expect(commonPrefix(Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 4, 5))).toBe(2);
  expect(commonPrefix(Int32Array.of(), Int32Array.of(1))).toBe(0);
});
