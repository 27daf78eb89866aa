/** Steps that are asked for before the outcome of the one before them is known. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan, rejection } from './support/addon.js';
import { tinyModel, tinyTokens } from './support/tiny-model.js';

const tiny = tinyModel();
const JUST_SAMPLED = [-1];
const engine = new native.Engine(ENGINE_OPTIONS);
afterAll(() => engine.close());

describe.each(['mlx', 'cpu'] as const)('the %s executor', (executor) => {
  let model: Native.ModelId;
  beforeAll(async () => {
    ({ model } = await engine.loadModel({ spec: tiny.spec, files: [tiny.file], executor, kvFormat: 'f32' }));
  });
  afterAll(() => engine.unloadModel(model));

  const create = (): Promise<Native.SequenceId> => engine.createSequence(model, { ...GREEDY, temperature: 1, seed: 7n });
  const read = (sequence: Native.SequenceId): Promise<Native.StepResult> =>
    engine.step(plan([{ sequence, tokens: tinyTokens(20), sample: true }]));
  const next = (sequence: Native.SequenceId, tokens: readonly number[]): Native.StepPlan => plan([{ sequence, tokens, sample: true }]);

  /** The tokens sampled first, each appended when it was known. */
  async function oneByOne(sequence: Native.SequenceId, count: number): Promise<number[]> {
    const tokens = [(await read(sequence)).tokens[0]!];
    while (tokens.length < count) tokens.push((await engine.step(next(sequence, [tokens.at(-1)!]))).tokens[0]!);
    return tokens;
  }

  it('appends what a sequence sampled last, before anybody here knows it', async () => {
    const [a, b] = [await create(), await create()];
    const steps = [read(b), ...Array.from({ length: 5 }, () => engine.stepAhead(next(b, JUST_SAMPLED)))];
    const ahead = (await Promise.all(steps)).map((result) => result!.tokens[0]);
    expect(ahead).toEqual(await oneByOne(a, 6));
    await Promise.all([a, b].map((s) => engine.dropSequence(s)));
  });

  it('does not run a step that was withdrawn before it began, and goes on as if it had never been asked for', async () => {
    const [a, b] = [await create(), await create()];
    const first = read(b);
    const ahead = engine.stepAhead(next(b, JUST_SAMPLED));
    engine.withdrawAhead(); // the first one takes longer than this call
    const second = engine.stepAhead(next(b, JUST_SAMPLED));
    expect(await ahead).toBeNull();
    expect([(await first).tokens[0], (await second)!.tokens[0]]).toEqual(await oneByOne(a, 2));
    await Promise.all([a, b].map((s) => engine.dropSequence(s)));
  });

  it('refuses to append what was never sampled, was sampled before other tokens came, or was cut off', async () => {
    const sequence = await create();
    const message = `[engine.step] entry 0 wants what sequence ${sequence} sampled last, which sampled nothing after its last token`;
    const refused = async (): Promise<void> => {
      expect(await rejection(engine.step(next(sequence, JUST_SAMPLED)))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message });
    };
    await refused();
    await read(sequence);
    await engine.step(plan([{ sequence, tokens: [3] }]));
    await refused();
    await engine.step(next(sequence, [4]));
    await engine.truncateSequence(sequence, 20);
    await refused();
    await engine.step(next(sequence, [5]));
    await engine.step(next(sequence, [-1, 6])); // as the first of several
    expect((await rejection(engine.step(next(sequence, [6, -1])))).message).toContain('token -1 at index 1 is outside the vocabulary');
    await engine.dropSequence(sequence);
  });

  it('refuses a step ahead whose sequences went with the step before it', async () => {
    const sequence = await create();
    await read(sequence);
    const dropped = engine.dropSequence(sequence);
    expect(await rejection(engine.stepAhead(next(sequence, JUST_SAMPLED)))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await dropped;
  });
});
