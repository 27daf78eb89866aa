/** Random trees of forks against sequences that share nothing. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

const models = { dense: tinyModel({ window: null }), windowed: tinyModel({ window: 24 }) } as const;
const cases = (['mlx', 'cpu'] as const).flatMap((executor) => (['dense', 'windowed'] as const).map((shape) => ({ executor, shape })));
const TOKEN_BYTES = TINY.layers * 2 * TINY.kvHeads * TINY.headDim * 2; // f16
const RUNS = 12;

interface Node {
  readonly sequence: Native.SequenceId;
  chunks: Int32Array[];
}

/** `at` picks the sequence, `share` where it is cut. */
const pick = { at: fc.nat(), share: fc.double({ min: 0, max: 1, noNaN: true }) };
const move = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('create' as const), ...pick }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('fork' as const, 'forkWhole' as const), ...pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      ...pick,
      count: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })),
      seed: fc.nat(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('appendToAll' as const), ...pick, seed: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), ...pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), ...pick }) },
);

const length = (node: Node): number => node.chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** The first `kept` tokens, in the chunks they came in. */
function cut(chunks: readonly Int32Array[], kept: number): Int32Array[] {
  let left = kept;
  return chunks.flatMap((chunk) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    return part.length > 0 ? [part] : [];
  });
}

describe.each(cases)('a tree of forks on the $executor executor, $shape model', ({ executor, shape }) => {
  const engine = new native.Engine(ENGINE_OPTIONS);
  afterAll(() => engine.close());

  /** Logits of the last chunk, from a sequence of its own that was fed all chunks. */
  async function alone(model: Native.ModelId, chunks: readonly Int32Array[]): Promise<Float32Array> {
    const sequence = await engine.createSequence(model, GREEDY);
    let logits: Float32Array = new Float32Array();
    for (const chunk of chunks) ({ logits } = await engine.step(plan([{ sequence, tokens: chunk }], 'all')));
    await engine.dropSequence(sequence);
    return logits;
  }

  function expectSame(got: Float32Array, want: Float32Array): void {
    expect(got.length).toBe(want.length);
    if (executor === 'cpu') {
      expect(Buffer.from(got.slice().buffer).equals(Buffer.from(want.slice().buffer))).toBe(true);
      return;
    }
    // A chunk that was cut is fed shorter to the other sequence, and MLX sums matrices of another height in another order.
    let worst = 0;
    for (const [i, value] of want.entries()) worst = Math.max(worst, Math.abs((got[i] ?? Number.NaN) - value));
    expect(worst).toBeLessThan(1e-5);
    for (let at = 0; at < got.length; at += TINY.vocabSize) {
      const row = want.subarray(at, at + TINY.vocabSize);
      const [first = 0, second = 0] = row.toSorted((a, b) => b - a);
      if (first - second > 2e-5) expect(got[at + row.indexOf(first)]).toBe(Math.max(...got.subarray(at, at + TINY.vocabSize)));
    }
  }

  it('has in every sequence the logits of one that shares nothing, and ends with nothing held', { timeout: 240_000 }, async () => {
    const { spec, file } = models[shape];
    const { model } = await engine.loadModel({ spec, files: [file], executor, kvFormat: 'f16' });
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 25 }), async (moves) => {
        const nodes: Node[] = [];
        for (const m of moves) {
          const node = nodes[m.at % Math.max(1, nodes.length)];
          const copiedBefore = engine.stats().kvCopiedBytes;
          let appends = 0;
          if (m.kind === 'create' || node === undefined) {
            nodes.push({ sequence: await engine.createSequence(model, GREEDY), chunks: [] });
          } else if (m.kind === 'fork' || m.kind === 'forkWhole') {
            const wanted = m.kind === 'forkWhole' ? length(node) : Math.floor(m.share * length(node));
            const forked = await engine.forkSequence(node.sequence, wanted, GREEDY);
            expect(forked.length === wanted || (shape === 'windowed' && forked.length === 0)).toBe(true);
            if (m.kind === 'forkWhole') expect(forked.length).toBe(wanted);
            nodes.push({ sequence: forked.sequence, chunks: cut(node.chunks, forked.length) });
          } else if (m.kind === 'append') {
            const chunk = tinyTokens(m.count, m.seed);
            appends = 1;
            const { logits } = await engine.step(plan([{ sequence: node.sequence, tokens: chunk }], 'all'));
            node.chunks.push(chunk);
            expectSame(logits, await alone(model, node.chunks));
          } else if (m.kind === 'appendToAll') {
            const tokens = tinyTokens(nodes.length, m.seed);
            appends = nodes.length;
            const { logits } = await engine.step(
              plan(
                nodes.map(({ sequence }, i) => ({ sequence, tokens: tokens.subarray(i, i + 1) })),
                'all',
              ),
            );
            for (const [i, each] of nodes.entries()) {
              each.chunks.push(tokens.subarray(i, i + 1));
              expectSame(logits.subarray(i * TINY.vocabSize, (i + 1) * TINY.vocabSize), await alone(model, each.chunks));
            }
          } else if (m.kind === 'truncate') {
            const wanted = Math.floor(m.share * length(node));
            const kept = await engine.truncateSequence(node.sequence, wanted);
            expect(kept === wanted || (shape === 'windowed' && kept === 0)).toBe(true);
            node.chunks = cut(node.chunks, kept);
          } else {
            await engine.dropSequence(node.sequence);
            nodes.splice(nodes.indexOf(node), 1);
          }
          const { sequences, kvBytes, kvSharedBytes, kvCopiedBytes } = engine.stats();
          expect(sequences).toBe(nodes.length);
          if (executor === 'cpu') expect(kvCopiedBytes - copiedBefore).toBeLessThanOrEqual(appends * 15.5 * TOKEN_BYTES);
          if (shape === 'dense') {
            const tokens = nodes.reduce((sum, each) => sum + length(each), 0);
            expect(kvBytes + kvSharedBytes).toBeGreaterThanOrEqual(tokens * TOKEN_BYTES);
          }
        }
        for (const { sequence } of nodes) await engine.dropSequence(sequence);
        expect(engine.stats()).toMatchObject({ sequences: 0, kvBytes: 0, kvSharedBytes: 0 });
      }),
      { numRuns: RUNS },
    );
  });
});
