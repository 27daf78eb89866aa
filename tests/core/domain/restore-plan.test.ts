import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AgentBlocks } from '../../../src/core/domain/agent-blocks.js';
import { chainStartOf } from '../../../src/core/domain/cache-key.js';
import { commonPrefix } from '../../../src/core/domain/common-prefix.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import {
  type BlockLookup,
  planRestore,
  type RestorableBlock,
  type RestoreOptions,
  type RestorePlan,
} from '../../../src/core/domain/restore-plan.js';
import { sha256 } from '../../../src/core/engine/sha256.js';

const START = chainStartOf({ fingerprint: 'model', scope: '' }, sha256);
const ramp = (length: number, change: Record<number, number> = {}): Int32Array => Int32Array.from({ length }, (_, i) => change[i] ?? i);
const chain = (tokens: Int32Array): AgentBlocks => AgentBlocks.of(START, tokens, sha256);

function specOf(windows: readonly (number | null)[]): ModelCacheSpec {
  return new ModelCacheSpec(
    windows.map((window, i) => ({ kvHeads: i + 1, headDim: 64, window })),
    'f16',
  );
}

/** Blocks in memory, looked up as a store does. */
class Stored implements BlockLookup {
  readonly #blocks = new Map<string, RestorableBlock>();

  /** `kindsOf` says which images of block i are there. */
  add(tokens: Int32Array, kindsOf: (index: number) => readonly number[]): this {
    for (const block of chain(tokens).blocks) {
      const kinds = new Set([...(this.get(block.hash)?.kinds ?? []), ...kindsOf(block.index)]);
      if (kinds.size > 0) this.#blocks.set(block.hash, { ...block, kinds: [...kinds] });
    }
    return this;
  }

  get(hash: string): RestorableBlock | null {
    return this.#blocks.get(hash) ?? null;
  }

  childrenOf(parent: string): RestorableBlock[] {
    return [...this.#blocks.values()].filter((block) => block.parent === parent);
  }
}

/** The longest length for which blocks of the store hold all that any layer sees, found by trying every length. */
function longestByTrial({ prompt, maxTokens, from, spec, lookup }: RestoreOptions): number | null {
  for (let length = Math.min(maxTokens, prompt.tokens.length); length > from; length--) {
    const last = Math.ceil(length / 256) - 1;
    const parents = prompt.blocks.slice(from / 256, last).map(({ hash }) => lookup.get(hash));
    const ends = lookup
      .childrenOf(last === 0 ? START : prompt.blocks[last - 1]!.hash)
      .filter(({ tokens }) => commonPrefix(tokens, prompt.tokens.subarray(last * 256)) >= length - last * 256);
    for (const end of ends) {
      const blocks = [...parents, end];
      const isThere = (position: number, kind: number): boolean =>
        blocks[Math.floor(position / 256) - from / 256]?.kinds.includes(kind) === true;
      const positions = Array.from({ length: length - from }, (_, i) => from + i);
      const complete = spec.kinds.every(({ window }, kind) =>
        positions.every((position) => (window !== null && position <= length - window) || isThere(position, kind)),
      );
      if (complete) return length;
    }
  }
  return null;
}

/** What any plan must be, however it was found. */
function expectSound(plan: RestorePlan, { prompt, from, spec, lookup }: RestoreOptions): void {
  const first = from / 256;
  const indices = plan.blocks.map(({ index }) => index);
  const last = Math.ceil(plan.tokens / 256) - 1;
  expect(indices.at(-1)).toBe(last);
  if (spec.kinds.some(({ window }) => window === null)) {
    expect(indices).toEqual(Array.from({ length: last - first + 1 }, (_, i) => first + i));
  }
  for (const { index, tokens } of plan.blocks) {
    const shared = commonPrefix(tokens, prompt.tokens.subarray(index * 256, plan.tokens));
    expect(shared).toBe(Math.min(256, plan.tokens - index * 256));
  }
  expect(plan.images.map(({ index, kind }) => ({ index, kind }))).toEqual(
    prompt.imagesAt(plan.tokens, spec).filter(({ index }) => index >= first),
  );
  for (const { hash, kind, index, count } of plan.images) {
    const stored = lookup.get(hash);
    expect(stored).toMatchObject({ index });
    expect(stored!.kinds).toContain(kind);
    expect(count).toBe(stored!.tokens.length);
  }
}

describe('planRestore', () => {
  const global = specOf([null]);
  const kinds = () => [0];

  test('the block that differs is cut to what it shares, and says how many tokens its image holds', () => {
    const lookup = new Stored().add(ramp(700), kinds);
    const plan = planRestore({ prompt: chain(ramp(900, { 600: 0 })), maxTokens: 899, from: 0, spec: global, lookup })!;
    expect(plan.tokens).toBe(600);
    expect(plan.images.map(({ index, count }) => [index, count])).toEqual([
      [0, 256],
      [1, 256],
      [2, 188],
    ]);
  });

  test('a whole block is cut to leave a token to prefill', () => {
    const lookup = new Stored().add(ramp(512), kinds);
    expect(planRestore({ prompt: chain(ramp(512)), maxTokens: 511, from: 0, spec: global, lookup })).toMatchObject({ tokens: 511 });
    expect(planRestore({ prompt: chain(ramp(513)), maxTokens: 512, from: 0, spec: global, lookup })).toMatchObject({ tokens: 512 });
  });

  test('only what is beyond the tokens in memory is read; nothing beyond is no plan', () => {
    const lookup = new Stored().add(ramp(700), kinds);
    const prompt = chain(ramp(1000));
    const plan = planRestore({ prompt, maxTokens: 999, from: 512, spec: global, lookup });
    expect(plan).toMatchObject({ tokens: 700, images: [{ index: 2, count: 188 }], blocks: [{ index: 2 }] });
    expect(planRestore({ prompt, maxTokens: 999, from: 768, spec: global, lookup })).toBeNull();
    expect(planRestore({ prompt, maxTokens: 512, from: 512, spec: global, lookup })).toBeNull();
  });

  test('a window that was left behind backs off to the end of a turn that has it', () => {
    // A turn of 600 tokens, then one of 1500: between them block 2 was written without its window.
    const spec = specOf([null, 300]);
    const lookup = new Stored()
      .add(ramp(600), (index) => (index >= 1 ? [0, 1] : [0]))
      .add(ramp(1500), (index) => (index >= 4 ? [0, 1] : [0]));
    expect(planRestore({ prompt: chain(ramp(1600)), maxTokens: 1599, from: 0, spec, lookup })).toMatchObject({ tokens: 1500 });
    const edited = chain(ramp(1600, { 1300: 0 }));
    const plan = planRestore({ prompt: edited, maxTokens: 1599, from: 0, spec, lookup })!;
    expect(plan.tokens).toBe(600); // at 1300 the window reaches into block 3
    expect(plan.images.map(({ kind, index, count }) => [kind, index, count])).toEqual([
      [0, 0, 256],
      [0, 1, 256],
      [0, 2, 88],
      [1, 1, 256],
      [1, 2, 88],
    ]);
  });

  test('a block whose ids are not those of its hash is not used', () => {
    const stored = new Stored().add(ramp(700), kinds);
    const wrong = (block: RestorableBlock): RestorableBlock => ({ ...block, tokens: block.tokens.map((token) => token + 1) });
    const lookup: BlockLookup = {
      get: (hash) => (stored.get(hash) === null ? null : wrong(stored.get(hash)!)),
      childrenOf: (parent) => stored.childrenOf(parent).map(wrong),
    };
    expect(planRestore({ prompt: chain(ramp(900)), maxTokens: 899, from: 0, spec: global, lookup })).toBeNull();
  });

  test('a start within a block is refused', () => {
    const options = { prompt: chain(ramp(900)), maxTokens: 899, spec: global, lookup: new Stored() };
    expect(() => planRestore({ ...options, from: 100 })).toThrow('[restore_plan] from 100 is no multiple of 256');
  });
});

test('whatever is stored: the plan is the longest that trying every length finds, and each of its images is there', () => {
  const window = fc.constantFrom(null, 1, 2, 100, 256, 257, 300, 600);
  const list = fc
    .record({ length: fc.integer({ min: 1, max: 1100 }), change: fc.option(fc.nat(1100)) })
    .map(({ length, change }) => ramp(length, change === null ? {} : { [change]: -1 }));
  const stored = fc.array(fc.record({ tokens: list, missing: fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { maxLength: 5 }) }), {
    maxLength: 4,
  });
  const windows = fc.array(window, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(stored, list, windows, fc.nat(3), fc.nat(300), (chains, tokens, sizes, inMemory, less) => {
      const spec = specOf(sizes);
      const lookup = new Stored();
      for (const { tokens: held, missing } of chains) {
        lookup.add(held, (index) =>
          spec.kinds.map((_, kind) => kind).filter((kind) => !missing.some(([block, gone]) => block === index && gone === kind)),
        );
      }
      const from = 256 * Math.min(inMemory, Math.floor((tokens.length - 1) / 256));
      const options = { prompt: chain(tokens), maxTokens: Math.max(0, tokens.length - 1 - less), from, spec, lookup };
      const plan = planRestore(options);
      expect(plan?.tokens ?? null).toBe(longestByTrial(options));
      if (plan !== null) expectSound(plan, options);
    }),
    { numRuns: 400 },
  );
});

describe('where layers recur', () => {
  const spec = new ModelCacheSpec(
    [
      { kvHeads: 1, headDim: 64, window: null },
      { kvHeads: 0, headDim: 0, window: 0, stateBytes: 4096 },
    ],
    'f16',
  );
  const [GLOBAL, STATE] = [0, 1];
  /** A turn that ended after `length` tokens: the state is in its last block. */
  const turn = (lookup: Stored, tokens: Int32Array): Stored =>
    lookup.add(tokens, (index) => (index === Math.ceil(tokens.length / 256) - 1 ? [GLOBAL, STATE] : [GLOBAL]));
  const planOf = (prompt: Int32Array, lookup: Stored) =>
    planRestore({ prompt: chain(prompt), maxTokens: prompt.length - 1, from: 0, spec, lookup });

  test('a prompt that goes on gets the state at the end of the turn, and nothing of the ones before', () => {
    const plan = planOf(ramp(1000), turn(new Stored(), ramp(700)))!;
    expect(plan.tokens).toBe(700);
    expect(plan.images.map(({ index, kind, count }) => [index, kind, count])).toEqual([
      [0, GLOBAL, 256],
      [1, GLOBAL, 256],
      [2, GLOBAL, 188],
      [2, STATE, 188],
    ]);
    expectSound(plan, { prompt: chain(ramp(1000)), maxTokens: 999, from: 0, spec, lookup: turn(new Stored(), ramp(700)) });
  });

  test('a prompt that leaves a turn before its end goes back to the last end that it holds whole', () => {
    const lookup = turn(turn(turn(new Stored(), ramp(300)), ramp(512)), ramp(700));
    expect(planOf(ramp(900, { 650: 0 }), lookup)?.tokens).toBe(512);
    expect(planOf(ramp(900, { 511: 0 }), lookup)?.tokens).toBe(300);
    expect(planOf(ramp(900, { 299: 0 }), lookup)).toBeNull();
    expect(planOf(ramp(700), lookup)?.tokens).toBe(512); // a token is left to prefill, and the state cannot be cut
  });

  test('without an image of the state there is no plan', () => {
    expect(
      planOf(
        ramp(900),
        new Stored().add(ramp(700), () => [GLOBAL]),
      ),
    ).toBeNull();
  });
});
