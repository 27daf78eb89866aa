import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AgentBlocks } from '../../../src/core/domain/agent-blocks.js';
import { chainStartOf } from '../../../src/core/domain/cache-key.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { planRestore, type RestorableBlock } from '../../../src/core/domain/restore-plan.js';
import { supersededBy } from '../../../src/core/domain/superseded.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

const START = chainStartOf({ fingerprint: 'model', scope: '' }, sha256);
const ramp = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
const chain = (tokens: Int32Array): AgentBlocks => AgentBlocks.of(START, tokens, sha256);
const specOf = (windows: readonly (number | null)[]): ModelCacheSpec =>
  new ModelCacheSpec(
    windows.map((window, i) => ({ kvHeads: i + 1, headDim: 64, window })),
    'f16',
  );

/** What a store holds when a conversation is stored at the end of every turn. */
function store(ends: readonly number[], spec: ModelCacheSpec, discards: boolean): RestorableBlock[] {
  const blocks = new Map<string, RestorableBlock>();
  for (const end of ends) {
    const turn = chain(ramp(end));
    const added = new Set<string>();
    for (const { index, kind } of turn.imagesAt(end, spec)) {
      const block = turn.blocks[index]!;
      const kinds = blocks.get(block.hash)?.kinds ?? [];
      if (kinds.includes(kind)) continue;
      blocks.set(block.hash, { ...block, kinds: [...kinds, kind] });
      added.add(block.hash);
    }
    if (!discards) continue;
    for (const hash of added) {
      const block = blocks.get(hash)!;
      const siblings = [...blocks.values()].filter(({ parent }) => parent === block.parent);
      for (const older of supersededBy(block, siblings)) blocks.delete(older.hash);
    }
  }
  return [...blocks.values()];
}

function restorable(blocks: readonly RestorableBlock[], prompt: Int32Array, spec: ModelCacheSpec): number {
  const lookup = {
    get: (hash: string) => blocks.find((block) => block.hash === hash) ?? null,
    childrenOf: (parent: string) => blocks.filter((block) => block.parent === parent),
  };
  return planRestore({ prompt: chain(prompt), maxTokens: prompt.length - 1, from: 0, spec, lookup })?.tokens ?? 0;
}

describe('supersededBy', () => {
  test('names the shorter beginnings of a block, not what differs or is longer', () => {
    const of = (tokens: Int32Array): RestorableBlock => ({ ...chain(tokens).blocks.at(-1)!, kinds: [0] });
    const block = of(ramp(200));
    const siblings = [of(ramp(100)), block, of(ramp(250)), of(Int32Array.of(0, 1, 7))];
    expect(supersededBy(block, siblings)).toEqual([siblings[0]]);
  });

  test('leaves what has an image that the newer block lacks', () => {
    const [older, newer] = [ramp(100), ramp(200)].map((tokens) => chain(tokens).blocks[0]!);
    expect(supersededBy({ ...newer!, kinds: [0] }, [{ ...older!, kinds: [0, 1] }])).toEqual([]);
    expect(supersededBy({ ...newer!, kinds: [0, 1] }, [{ ...older!, kinds: [0] }])).toHaveLength(1);
  });

  test('without them every prompt is restored as far as with them', () => {
    const ends = fc.uniqueArray(fc.integer({ min: 1, max: 1600 }), { minLength: 1, maxLength: 8 });
    const windows = fc.constantFrom<readonly (number | null)[]>([null], [null, 300], [1024], [null, 16], [null, 256, 700]);
    fc.assert(
      fc.property(ends, windows, fc.integer({ min: 1, max: 1700 }), (unsorted, layers, cut) => {
        const spec = specOf(layers);
        const turns = unsorted.toSorted((a, b) => a - b);
        const prompt = Int32Array.of(...ramp(cut), -5);
        const [all, rest] = [store(turns, spec, false), store(turns, spec, true)];
        expect(restorable(rest, prompt, spec)).toBe(restorable(all, prompt, spec));
        expect(rest.length).toBeLessThanOrEqual(all.length);
      }),
      { numRuns: 300 },
    );
  });
});
