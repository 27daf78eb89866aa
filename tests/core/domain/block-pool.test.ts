import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BlockLease, BlockPool, countsOf } from '../../../src/core/domain/block-pool.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { poolPressure } from '../../../src/core/domain/pool-pressure.js';

/** One global and two windowed layers: blocks of 64 KiB and 128 KiB. */
const spec = new ModelCacheSpec(
  [null, 512, 512].map((window) => ({ kvHeads: 1, headDim: 64, window })),
  'f16',
);
const [GLOBAL, WINDOWED] = spec.kinds.map(({ blockBytes }) => blockBytes) as [number, number];
const MB = 2 ** 20;

describe('allocate', () => {
  test('a lease holds what was asked for, by number, and the bytes are taken from the total', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    expect(pool.allocate([2, 1]).blocks).toEqual([[0, 1], [0]]);
    expect(pool.counts()).toMatchObject({ totalBytes: MB, usedBytes: 2 * GLOBAL + WINDOWED, freeBytes: MB - 2 * GLOBAL - WINDOWED });
  });

  test('all or nothing: what does not fit is refused with PoolExhausted and takes not one block', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    pool.allocate([8, 0]);
    const before = pool.counts();
    expect(() => pool.allocate([1, 4])).toThrow(
      expect.objectContaining({ code: 'PoolExhausted', status: 503, message: expect.stringContaining('524288 bytes are free') }),
    );
    expect(pool.counts()).toEqual(before);
    pool.allocate([0, 4]);
    expect(pool.counts()).toMatchObject({ freeBytes: 0, pressure: 'critical' });
  });

  test('a bound of one kind refuses while bytes are left, and leaves the other kind alone', () => {
    const pool = new BlockPool(spec, { bytes: MB, maxBlocks: [null, 2] });
    pool.allocate([0, 2]);
    expect(pool.canAllocate([0, 1])).toBe(false);
    expect(() => pool.allocate([0, 1])).toThrow(expect.objectContaining({ code: 'PoolExhausted' }));
    expect(pool.counts().kinds).toMatchObject([
      { window: null, total: 16, used: 0 },
      { window: 512, total: 2, used: 2 },
    ]);
    pool.allocate([12, 0]);
  });
});

describe('free', () => {
  test('free() throws for a lease that was freed, and for one of another pool', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    const lease = pool.allocate([1, 1]);
    pool.free(lease);
    expect(() => pool.free(lease)).toThrow('[block_pool] the lease was freed, or is of another pool');
    expect(() => pool.resize(lease, [1, 1])).toThrow('[block_pool] the lease was freed, or is of another pool');
    expect(() => new BlockPool(spec, { bytes: MB }).free(pool.allocate([1, 0]))).toThrow(/another pool/);
  });

  test('blocks that came back are handed out again', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    const lease = pool.allocate([3, 0]);
    pool.resize(lease, [1, 0]);
    expect(pool.allocate([2, 0]).blocks[0]!.toSorted((a, b) => a - b)).toEqual([1, 2]);
  });
});

describe('reconfigure', () => {
  const other = new ModelCacheSpec([{ kvHeads: 2, headDim: 128, window: null }], 'f32');

  test('an empty pool takes another model and budget', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    pool.free(pool.allocate([1, 1]));
    pool.reconfigure(other, { bytes: 4 * MB });
    expect(pool.counts()).toMatchObject({ totalBytes: 4 * MB, usedBytes: 0, kinds: [{ window: null, total: 8 }] });
    pool.allocate([8]);
    pool.checkIntegrity();
  });

  test('a pool in use refuses with ModelSwap and stays as it is', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    pool.allocate([1, 1]);
    const before = pool.counts();
    expect(() => pool.reconfigure(other, { bytes: 4 * MB })).toThrow(expect.objectContaining({ code: 'ModelSwap' }));
    expect(pool.counts()).toEqual(before);
    pool.checkIntegrity();
  });
});

test('pressure rises in steps with the share of bytes used', () => {
  expect([0, 49, 50, 79, 80, 94, 95, 100].map((used) => poolPressure(used, 100))).toEqual([
    'none',
    'none',
    'low',
    'low',
    'high',
    'high',
    'critical',
    'critical',
  ]);
});

test('whatever is allocated, resized and freed: used + free = total, no block has two owners, and canAllocate() told the truth', () => {
  const counts = fc.tuple(fc.nat(9), fc.nat(5));
  const move = fc.oneof(
    fc.record({ kind: fc.constant('allocate' as const), counts }),
    fc.record({ kind: fc.constant('resize' as const), pick: fc.nat(), counts }),
    fc.record({ kind: fc.constant('free' as const), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), fc.option(fc.nat(6)), (moves, most) => {
      const pool = new BlockPool(spec, { bytes: MB, maxBlocks: [null, most] });
      const leases: { lease: BlockLease; counts: readonly number[] }[] = [];
      const outcome = (run: () => void): boolean => {
        try {
          run();
          return true;
        } catch (error) {
          expect(error).toMatchObject({ code: 'PoolExhausted' });
          return false;
        }
      };
      for (const happening of moves) {
        const held = happening.kind === 'allocate' ? undefined : leases[happening.pick % Math.max(1, leases.length)];
        const before = pool.counts();
        if (happening.kind === 'allocate') {
          const can = pool.canAllocate(happening.counts);
          expect(pool.counts()).toEqual(before);
          expect(outcome(() => leases.push({ lease: pool.allocate(happening.counts), counts: happening.counts }))).toBe(can);
          if (!can) expect(pool.counts()).toEqual(before);
        } else if (held !== undefined && happening.kind === 'free') {
          pool.free(held.lease);
          leases.splice(leases.indexOf(held), 1);
        } else if (held !== undefined && happening.kind === 'resize') {
          const can = pool.canAllocate(happening.counts, held.counts);
          expect(outcome(() => pool.resize(held.lease, happening.counts))).toBe(can);
          if (can) held.counts = happening.counts;
          else expect(pool.counts()).toEqual(before);
        }
        pool.checkIntegrity();
        const after = pool.counts();
        expect(after.usedBytes + after.freeBytes).toBe(MB);
        expect(after.usedBytes).toBe(leases.reduce((sum, { counts: [a, b] }) => sum + a! * GLOBAL + b! * WINDOWED, 0));
        for (const { lease, counts: wanted } of leases) expect(countsOf(lease)).toEqual(wanted);
      }
      for (const { lease } of leases) pool.free(lease);
      expect(pool.counts()).toMatchObject({ usedBytes: 0, freeBytes: MB });
    }),
    { numRuns: 300 },
  );
});

describe('sharing', () => {
  test('fork() takes no block, and what both hold comes back with the last of them', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    const parent = pool.allocate([3, 1]);
    const { usedBytes } = pool.counts();
    const child = pool.fork(parent, [2, 0]);
    expect(pool.counts().usedBytes).toBe(usedBytes);
    expect(countsOf(child)).toEqual([2, 0]);
    pool.resize(child, [3, 1]);
    expect(pool.counts().usedBytes).toBe(usedBytes + GLOBAL + WINDOWED);
    pool.free(parent);
    expect(pool.counts().usedBytes).toBe(3 * GLOBAL + WINDOWED);
    pool.free(child);
    expect(pool.counts().usedBytes).toBe(0);
  });

  test('resize() exchanges what the lease is going to write for blocks of its own', () => {
    const pool = new BlockPool(spec, { bytes: MB });
    const parent = pool.allocate([3, 0]);
    const child = pool.fork(parent, [3, 0]);
    pool.resize(child, [3, 0], [1, 0]);
    expect(child.blocks[0]![0]).toBe(parent.blocks[0]![0]);
    expect(child.blocks[0]!.slice(1).some((number) => parent.blocks[0]!.includes(number))).toBe(false);
    expect(pool.counts().usedBytes).toBe(5 * GLOBAL);
  });

  test('whatever is forked, resized and freed: blocks add up, canResize(), heldBy() and heldOnlyBy() told the truth', () => {
    const counts = fc.tuple(fc.nat(6), fc.nat(3));
    const move = fc.record({
      kind: fc.constantFrom('allocate', 'fork', 'resize', 'free', 'freeSome'),
      pick: fc.nat(),
      counts,
      keep: counts,
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 50 }), (moves) => {
        const pool = new BlockPool(spec, { bytes: MB });
        const leases: BlockLease[] = [];
        for (const { kind, pick, counts: wanted, keep } of moves) {
          const lease = leases[pick % Math.max(1, leases.length)];
          const before = pool.counts();
          if (kind === 'allocate' && pool.canAllocate(wanted)) leases.push(pool.allocate(wanted));
          if (lease === undefined) continue;
          if (kind === 'fork') {
            leases.push(pool.fork(lease, keep));
            expect(pool.counts()).toEqual(before);
          } else if (kind === 'resize') {
            const can = pool.canResize(lease, wanted, keep);
            expect(pool.counts()).toEqual(before);
            if (can) pool.resize(lease, wanted, keep);
            else expect(() => pool.resize(lease, wanted, keep)).toThrow(expect.objectContaining({ code: 'PoolExhausted' }));
            if (can) expect(countsOf(lease)).toEqual(wanted);
            else expect(pool.counts()).toEqual(before);
          } else if (kind === 'free') {
            pool.free(lease);
            leases.splice(leases.indexOf(lease), 1);
          } else if (kind === 'freeSome') {
            const some = leases.splice(0, (pick % 3) + 1);
            const kept = leases[0] ?? null;
            const back = pool.heldOnlyBy(some, kept, keep);
            for (const gone of some) pool.free(gone);
            expect(pool.counts().usedBytes).toBe(before.usedBytes - back[0]! * GLOBAL - back[1]! * WINDOWED);
          }
          expect(pool.bytesOf(pool.heldBy(leases))).toBe(pool.counts().usedBytes);
          pool.checkIntegrity();
        }
      }),
      { numRuns: 300 },
    );
  });
});
