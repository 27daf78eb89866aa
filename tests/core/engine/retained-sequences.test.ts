import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from '../../../src/core/domain/block-pool.js';
import { commonPrefix } from '../../../src/core/domain/common-prefix.js';
import { RetainedSequences, type RetentionLimits, type Reuse } from '../../../src/core/engine/retained-sequences.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { BLOCK_BYTES, TINY_CACHE } from './tiny-cache.js';

const limits: RetentionLimits = {
  maxSequences: 3,
  maxBytes: 4 * BLOCK_BYTES,
  windowSlackTokens: 0,
  minReuseShare: 0.5,
  toolWaitBonus: 2,
  restorePoints: 0,
};

/** Kept sequences over a pool of ten blocks; `keep` retains one that holds what it needs. */
function create(changes: Partial<RetentionLimits> = {}) {
  const pool = new BlockPool(TINY_CACHE, { bytes: 10 * BLOCK_BYTES });
  const retained = new RetainedSequences({ ...limits, ...changes }, TINY_CACHE, pool, 'model');
  const keep = (
    sequence: number,
    tokens: readonly number[],
    sessionId: string | null = null,
    awaitsTool = false,
    pinned = false,
  ): number[] => {
    const lease = pool.allocate(TINY_CACHE.blocksFor(tokens.length));
    const entry = { sequence, tokens: Int32Array.from(tokens), scope: 'key', sessionId, awaitsTool, pinned, lease };
    return retained.retain(entry).map((gone) => gone.sequence);
  };
  const take = (tokens: Int32Array, sessionId: string | null, scope = 'key'): Reuse | null => {
    const reuse = retained.find(tokens, { scope, sessionId });
    if (reuse !== null) retained.use(reuse);
    return reuse;
  };
  return { pool, retained, keep, take };
}

describe('find', () => {
  test('find() gives the longest common prefix, and leaves a token to prefill', () => {
    const { keep, take } = create();
    keep(1, [1, 2, 9]);
    keep(2, [1, 2, 3, 4]);
    expect(take(Int32Array.of(1, 2, 3, 4), null)).toMatchObject({ entry: { sequence: 2 }, sharedTokens: 3 });
  });

  test('find() hands a session its own sequence when another one shares as much', () => {
    const { retained, keep, take } = create();
    keep(1, [1, 2, 7], 'a');
    keep(2, [1, 2, 8], 'b');
    expect(take(Int32Array.of(1, 2, 3), 'a')).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2, fork: false });
    expect(retained.size).toBe(1);
  });

  test('find() leaves a conversation to its session and has others fork it', () => {
    const { retained, keep, take } = create();
    keep(1, [1, 2, 3, 4, 5, 6, 7, 8], 'a');
    for (const other of ['b', null]) {
      expect(take(Int32Array.of(1, 2, 30), other)).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2, fork: true });
    }
    expect(take(Int32Array.of(1, 2, 30), 'a')).toMatchObject({ fork: true }); // it would cut more than it keeps
    expect(retained.size).toBe(1);
    expect(take(Int32Array.of(1, 2, 3, 4, 5, 30), 'a')).toMatchObject({ sharedTokens: 5, fork: false });
    expect(retained.size).toBe(0);
  });

  test('find() takes what has no session only when it goes on whole', () => {
    const { keep, take } = create();
    keep(1, [1, 2, 3]);
    expect(take(Int32Array.of(1, 2, 30), null)).toMatchObject({ sharedTokens: 2, fork: true });
    expect(take(Int32Array.of(1, 2, 3, 4), 'a')).toMatchObject({ sharedTokens: 3, fork: false });
  });

  test('of two that share the same, find() gives the one that loses less', () => {
    const { keep, take } = create();
    keep(1, [1, 2, 3]);
    keep(2, [1, 2, 4, 5]);
    expect(take(Int32Array.of(1, 2, 30), null)).toMatchObject({ entry: { sequence: 1 }, sharedTokens: 2 });
  });

  test('find() gives nothing where the first token differs', () => {
    const { keep, take } = create();
    keep(1, [1, 2, 3], 'a');
    expect(take(Int32Array.of(2, 2, 3), 'a')).toBeNull();
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

  test('retain() counts what is held against the bytes, and hands back what that has no room for', () => {
    const { pool, retained, keep } = create();
    keep(1, [1]);
    expect([retained.bytes, pool.counts().usedBytes]).toEqual([BLOCK_BYTES, BLOCK_BYTES]);
    const evicted = keep(
      2,
      Array.from({ length: 1000 }, () => 2),
    );
    expect([evicted, retained.bytes, retained.tokens]).toEqual([[1], 4 * BLOCK_BYTES, 1000]);
  });

  test('what is no longer pinned makes room at once where there is too much', () => {
    const { retained, keep } = create({ maxSequences: 1 });
    keep(1, [1], 'a', false, true);
    expect(keep(2, [2], 'a', false, true)).toEqual([]);
    expect(retained.pin({ scope: 'key', sessionId: 'a' }, false).map(({ sequence }) => sequence)).toEqual([1]);
    retained.checkIntegrity();
  });

  test('what a running fork or a write to disk holds too counts as kept, so that nothing is over the limit when they end', () => {
    const { pool, retained, keep } = create();
    const full = Array.from({ length: 512 }, (_, i) => i); // two blocks
    keep(1, full);
    const [entry] = [...retained.kept()];
    const fork = pool.fork(entry!.lease, [2]);
    expect([retained.bytes, retained.ownBytes]).toEqual([2 * BLOCK_BYTES, 0]);
    const other = full.map((id) => id + 1000);
    expect(keep(2, other)).toEqual([]);
    expect(keep(3, [7])).toEqual([1]);
    pool.free(fork);
    retained.checkIntegrity();
    expect(pool.counts().usedBytes).toBe(retained.bytes);
  });

  test('retain() hands back a sequence that the new one contains, but for that of another session', () => {
    const { keep } = create();
    keep(1, [1, 2]);
    expect(keep(2, [1, 2, 3], 'a')).toEqual([1]);
    expect(keep(3, [1, 2, 3, 4], 'a')).toEqual([2]);
    expect(keep(4, [1, 2, 3, 4, 5], 'b')).toEqual([]);
  });

  test('what is pinned stays, and others go instead', () => {
    const { retained, keep } = create();
    keep(1, [1], 'a', false, true);
    keep(2, [2]);
    keep(3, [3]);
    expect(keep(4, [4])).toEqual([2]);
    expect(retained.pin({ scope: 'key', sessionId: 'a' }, false)).toEqual([]);
    expect(keep(5, [5])).toEqual([1]);
  });

  test('nothing is found from another scope, not even by a session of the same name', () => {
    const { keep, take } = create();
    keep(1, [1, 2, 3], 'a');
    expect(take(Int32Array.of(1, 2, 3, 4), 'a', 'other key')).toBeNull();
    expect(take(Int32Array.of(1, 2, 3, 4), 'b')).toMatchObject({ sharedTokens: 3, fork: true });
  });
});

describe('lend', () => {
  test('others may fork what a running sequence has read so far, and no more', () => {
    const { pool, retained, take } = create();
    let read = 0;
    const lease = pool.allocate([1]);
    retained.lend({ sequence: 9, scope: 'key', sessionId: null, tokens: Int32Array.of(1, 2, 3, 4), lease, numKvTokens: () => read });
    expect(take(Int32Array.of(1, 2, 3, 4, 5), null)).toBeNull();
    read = 2;
    expect(take(Int32Array.of(1, 2, 3, 4, 5), null)).toMatchObject({ entry: { sequence: 9 }, sharedTokens: 2, fork: true });
    retained.checkIntegrity();
    retained.endLending(9);
    expect(take(Int32Array.of(1, 2, 3, 4, 5), null)).toBeNull();
    retained.checkIntegrity();
  });
});

describe('windowed layers', () => {
  test('a session that goes on leaves the end of its turn behind, and the oldest of these go', () => {
    const cache = new ModelCacheSpec([{ kvHeads: 1, headDim: 64, window: 4 }], 'f32');
    const pool = new BlockPool(cache, { bytes: 20 * BLOCK_BYTES });
    const retained = new RetainedSequences(
      { ...limits, maxSequences: 9, maxBytes: 20 * BLOCK_BYTES, restorePoints: 2 },
      cache,
      pool,
      'model',
    );
    const keep = (sequence: number, length: number): number[] => {
      const tokens = Int32Array.from({ length }, (_, i) => i);
      const entry = { sequence, tokens, scope: 'key', sessionId: 'a', awaitsTool: false, pinned: false, lease: pool.allocate([1]) };
      return retained.retain(entry).map((gone) => gone.sequence);
    };
    expect(keep(1, 10)).toEqual([]);
    const next = Int32Array.from({ length: 20 }, (_, i) => i);
    expect(retained.find(next, { scope: 'key', sessionId: 'a' })).toMatchObject({ entry: { sequence: 1 }, fork: true });
    expect([keep(2, 20), keep(3, 30), keep(4, 40)]).toEqual([[], [], [1]]);
  });
});

describe('layers that recur', () => {
  const cache = new ModelCacheSpec(
    [
      { kvHeads: 1, headDim: 64, window: null },
      { kvHeads: 0, headDim: 0, window: 0, stateBytes: BLOCK_BYTES },
    ],
    'f32',
  );
  const ramp = (length: number, change: Record<number, number> = {}): Int32Array => Int32Array.from({ length }, (_, i) => change[i] ?? i);
  const identity = { scope: 'key', sessionId: 'a' };
  function open() {
    const pool = new BlockPool(cache, { bytes: 40 * BLOCK_BYTES });
    const retained = new RetainedSequences(
      { ...limits, maxSequences: 9, maxBytes: 40 * BLOCK_BYTES, restorePoints: 4 },
      cache,
      pool,
      'model',
    );
    const keep = (sequence: number, tokens: Int32Array, sessionId: string | null = 'a') =>
      retained.retain({ sequence, tokens, scope: 'key', sessionId, awaitsTool: false, pinned: false, lease: pool.allocate([1, 1]) });
    return { pool, retained, keep };
  }

  test('what goes another way than a kept sequence finds the longest one that it holds whole, however much more it shares with others', () => {
    const { retained, keep } = open();
    for (const [i, length] of [10, 20, 30].entries()) keep(i + 1, ramp(length));
    expect(retained.find(ramp(40), identity)).toMatchObject({ entry: { sequence: 3 }, sharedTokens: 30, fork: true });
    expect(retained.find(ramp(40, { 25: 0 }), identity)).toMatchObject({ entry: { sequence: 2 }, sharedTokens: 20, fork: true });
    expect(retained.find(ramp(40, { 25: 0 }), { scope: 'key', sessionId: 'b' })).toMatchObject({ entry: { sequence: 2 }, fork: true });
    expect(retained.find(ramp(30), identity)).toMatchObject({ entry: { sequence: 2 }, sharedTokens: 20 });
    expect(retained.find(ramp(40, { 5: 0 }), identity)).toBeNull();
    retained.checkIntegrity();
  });

  test('a running sequence is not forked: its state is ahead of what is asked, or will be', () => {
    const { pool, retained } = open();
    const lease = pool.allocate([1, 1]);
    retained.lend({ sequence: 9, ...identity, tokens: ramp(20), lease, numKvTokens: () => 10 });
    expect(retained.find(ramp(40), identity)).toBeNull();
  });

  test('what nobody in particular left behind stays to be gone back to', () => {
    const { retained, keep } = open();
    keep(1, ramp(10), null);
    expect(keep(2, ramp(20), null)).toEqual([]);
    expect(retained.find(ramp(30, { 15: 0 }), { scope: 'key', sessionId: null })).toMatchObject({ entry: { sequence: 1 } });
  });
});

test('makeRoom() lets go of as many as a request needs beside what it took over', () => {
  const { pool, retained, keep, take } = create();
  for (const id of [1, 2, 3]) keep(id, [id, id]);
  const { lease } = take(Int32Array.of(3, 3, 3), null)!.entry;
  expect(retained.makeRoom(lease, [8], [1])).toEqual([]);
  expect(retained.makeRoom(lease, [9], [1])).toMatchObject([{ sequence: 1 }]);
  pool.resize(lease, [9]);
  expect(pool.counts().freeBytes).toBe(0);
});

test('every sequence is at any time either kept, handed out once, or handed back once; find() finds what a scan of all finds', () => {
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
      const { pool, retained, keep, take } = create();
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
          const found = take(prompt, sessionId);
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
      for (const { sequence } of retained.release(() => true)) alive.delete(sequence);
      expect([alive.size, pool.counts().usedBytes]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});

test('commonPrefix() counts leading equal ids', () => {
  expect(commonPrefix(Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 4, 5))).toBe(2);
  expect(commonPrefix(Int32Array.of(), Int32Array.of(1))).toBe(0);
});
