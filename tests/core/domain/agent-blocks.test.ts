import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AgentBlocks } from '../../../src/core/domain/agent-blocks.js';
import { blockHash } from '../../../src/core/domain/block-hash.js';
import { chainStartOf } from '../../../src/core/domain/cache-key.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

const START = chainStartOf({ fingerprint: 'model', scope: '' }, sha256);
const ramp = (length: number, from = 0): Int32Array => Int32Array.from({ length }, (_, i) => from + i);
const spec = (...windows: (number | null)[]): ModelCacheSpec =>
  new ModelCacheSpec(
    windows.map((window, i) => ({ kvHeads: i + 1, headDim: 64, window })),
    'f16',
  );

/** Counts what is hashed. */
function counting(): { sha256: typeof sha256; readonly hashed: number } {
  const counter = { hashed: 0, sha256: (bytes: Uint8Array) => (counter.hashed++, sha256(bytes)) };
  return counter;
}

describe('of', () => {
  test('every block has 256 tokens but the last, and the hash that its predecessor and its tokens give', () => {
    fc.assert(
      fc.property(fc.nat(1100), (length) => {
        const { blocks, tokens } = AgentBlocks.of(START, ramp(length), sha256);
        expect(Int32Array.from(blocks.flatMap((block) => [...block.tokens]))).toEqual(tokens);
        blocks.forEach((block, i) => {
          expect(block.index).toBe(i);
          expect(block.parent).toBe(i === 0 ? START : blocks[i - 1]!.hash);
          expect(block.hash).toBe(blockHash(sha256, block.parent, block.tokens));
          expect(block.tokens.length).toBe(i < blocks.length - 1 ? 256 : length - 256 * i);
        });
      }),
    );
  });
});

describe('extendedTo', () => {
  test('a chain over any other tokens is the one that is made anew, and common whole blocks are not hashed again', () => {
    const list = fc.record({ shared: fc.nat(900), own: fc.nat(600) });
    fc.assert(
      fc.property(list, fc.nat(600), ({ shared, own }, before) => {
        const counter = counting();
        const earlier = AgentBlocks.of(START, Int32Array.from([...ramp(shared), ...ramp(before, 10_000)]), counter.sha256);
        const hashed = counter.hashed;
        const tokens = Int32Array.from([...ramp(shared), ...ramp(own, 20_000)]);
        const later = earlier.extendedTo(tokens);
        expect(later.blocks).toEqual(AgentBlocks.of(START, tokens, sha256).blocks);
        const same = before === 0 && own === 0;
        expect(counter.hashed - hashed).toBe(same ? 0 : later.blocks.length - Math.floor(shared / 256));
      }),
    );
  });
});

describe('imagesAt', () => {
  test('a global kind has every block, a window only those that the next query sees', () => {
    const blocks = AgentBlocks.of(START, ramp(2000), sha256);
    const indices = (length: number, window: number | null): number[] => blocks.imagesAt(length, spec(window)).map(({ index }) => index);
    expect(indices(0, null)).toEqual([]);
    expect(indices(513, null)).toEqual([0, 1, 2]);
    expect(indices(512, null)).toEqual([0, 1]);
    expect(indices(512, 256)).toEqual([1]); // sees 257..511 and itself
    expect(indices(512, 257)).toEqual([1]);
    expect(indices(512, 258)).toEqual([0, 1]);
    expect(indices(768, 1)).toEqual([]); // sees itself alone
    expect(indices(769, 2)).toEqual([3]);
    expect(indices(200, 1024)).toEqual([0]);
  });

  test('for any length and windows: the images cover what is seen, and none is without a seen token', () => {
    const blocks = AgentBlocks.of(START, ramp(1500), sha256);
    const window = fc.option(fc.integer({ min: 1, max: 1600 }));
    fc.assert(
      fc.property(fc.array(window, { minLength: 1, maxLength: 3 }), fc.nat(1500), (windows, length) => {
        const wanted = windows.flatMap((size, kind) => {
          const seen = Array.from({ length }, (_, position) => position).filter((position) => size === null || position > length - size);
          return [...new Set(seen.map((position) => Math.floor(position / 256)))].map((index) => ({ index, kind }));
        });
        expect(blocks.imagesAt(length, spec(...windows))).toEqual(wanted);
      }),
    );
  });

  test('a length beyond the tokens is refused', () => {
    expect(() => AgentBlocks.of(START, ramp(5), sha256).imagesAt(6, spec(null))).toThrow('[agent_blocks] length 6 out of range 0..5');
  });
});
