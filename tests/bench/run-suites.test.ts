/** The order in which targets are asked, and what is left when one of them fails or the run is ended. */
import { describe, expect, test } from 'vitest';
import { Prompts } from '../../src/bench/prompts/prompts.js';
import { makeBenchmark } from '../../src/bench/results/make-benchmark.js';
import { type RunPlan, runSuites } from '../../src/bench/run/run-suites.js';
import { type BenchCase, lengthsWithin, measure, type Suite } from '../../src/bench/suites/suite.js';
import { DEFAULT_SUITES, GATE_SUITES, SUITES, suitesOf } from '../../src/bench/suites/suites.js';
import type { Target } from '../../src/bench/targets/target.js';
import { SemanticError } from '../../src/core/domain/errors.js';
import { MACHINE } from './made-up.js';

const OPTIONS = { quick: true, contextTokens: 8192, other: null, inProcess: null };

function target(name: string, changed: Partial<Target> = {}): Target {
  return {
    name,
    kind: 'url',
    model: 'none',
    contextTokens: null,
    facts: {},
    own: null,
    prepare: () => Promise.resolve(),
    chat: () => Promise.reject(new Error('nobody is asked here')),
    close: () => Promise.resolve(),
    ...changed,
  };
}

function suite(run: BenchCase['run'], changed: Partial<Suite> = {}): Suite {
  const one: BenchCase = {
    name: 'one',
    x: null,
    measures: [measure('rate', 'tokens/s', 'higher')],
    cost: { promptTokens: 100, outputTokens: 10, seconds: 1 },
    run,
  };
  return { name: 'made up', summary: '', of: 'any', needs: () => ({ slots: 1, contextTokens: 1 }), cases: () => [one], ...changed };
}

function plan(targets: readonly Target[], suites: readonly Suite[], changed: Partial<RunPlan> = {}): RunPlan {
  return { targets, suites, options: OPTIONS, prompts: new Prompts(1, 0), rounds: 4, warmUps: 0, seed: 1, ...changed };
}

const run = (made: RunPlan, signal = new AbortController().signal) => runSuites(made, () => undefined, signal);

describe('runSuites()', () => {
  test('asks in turn, each round in the other order, with one seed for all of a round and another in each', async () => {
    const asked: string[] = [];
    const seeds = new Map<number, string[]>();
    const watch = suite(({ name }, { seed }) => {
      asked.push(name);
      seeds.set(seed, [...(seeds.get(seed) ?? []), name]);
      return Promise.resolve({ rate: asked.length });
    });
    const { series } = await run(plan([target('a'), target('b')], [watch]));
    expect(asked.join('')).toBe('abbaabba');
    expect([...seeds.values()].map((names) => names.toSorted().join(''))).toEqual(['ab', 'ab', 'ab', 'ab']);
    expect(series.map(({ samples }) => samples)).toEqual([
      [1, 4, 5, 8],
      [2, 3, 6, 7],
    ]);
  });

  test('what warms up does not count', async () => {
    let runs = 0;
    const counted = suite(() => Promise.resolve({ rate: (runs += 1) }));
    const { series } = await run(plan([target('a')], [counted], { warmUps: 2, rounds: 3 }));
    expect(series[0]?.samples).toEqual([3, 4, 5]);
  });

  test('a case that always comes to the same is run once', async () => {
    let runs = 0;
    const exact = suite(() => Promise.resolve({ rate: (runs += 1) }));
    const once: Suite = { ...exact, cases: (options) => exact.cases(options).map((one) => ({ ...one, isExact: true })) };
    const { series } = await run(plan([target('a')], [once], { warmUps: 2, rounds: 3 }));
    expect([runs, series[0]?.samples]).toEqual([1, [1]]);
  });

  test('a target that fails keeps what it had measured and is asked no more; the others go on', async () => {
    let runs = 0;
    const breaks = suite(({ name }) => {
      if (name === 'b' && (runs += 1) > 2) return Promise.reject(new SemanticError('PeerFailed', '[bench] b broke off'));
      return Promise.resolve({ rate: 1 });
    });
    const { series, failures, isComplete } = await run(plan([target('a'), target('b')], [breaks, breaks]));
    expect(series.map(({ target: name, samples }) => [name, samples])).toEqual([
      ['a', [1, 1, 1, 1]],
      ['b', [1, 1]],
      ['a', [1, 1, 1, 1]],
    ]);
    expect(failures.map(({ target: name, error }) => [name, error.code])).toEqual([['b', 'PeerFailed']]);
    expect([runs, isComplete]).toEqual([3, true]);
  });

  test('a target that cannot be prepared is left out, and so is what is no error of ours', async () => {
    const fails = target('b', { prepare: () => Promise.reject(new TypeError('no such thing')) });
    const { series, failures } = await run(plan([target('a'), fails], [suite(() => Promise.resolve({ rate: 1 }))]));
    expect(series).toHaveLength(1);
    expect(failures[0]?.error).toMatchObject({ code: 'Internal', message: expect.stringContaining('no such thing') as string });
  });

  test('ended by the signal it has what was measured before', async () => {
    const stop = new AbortController();
    let runs = 0;
    const ends = suite((_target, { signal }) => {
      runs += 1;
      if (runs === 3) stop.abort();
      return signal.aborted ? Promise.reject(new Error('cut')) : Promise.resolve({ rate: runs });
    });
    const made = plan([target('a')], [ends, ends]);
    const outcome = await run(made, stop.signal);
    expect(outcome).toMatchObject({ isComplete: false, failures: [] });
    expect(outcome.series.map(({ samples }) => samples)).toEqual([[1, 2]]);
    const facts = { startedAt: new Date(0), seconds: 1, label: null, machine: MACHINE };
    expect(makeBenchmark(made, outcome, facts)).toMatchObject({ complete: false, series: [{ median: 1.5, low: 1, high: 2 }] });
  });

  test('what is not finite is no sample, and a measure without any is not there', async () => {
    const odd = suite(() => Promise.resolve({ rate: Number.NaN }));
    expect((await run(plan([target('a')], [odd]))).series).toEqual([]);
    let runs = 0;
    const sometimes = suite(() => Promise.resolve({ rate: (runs += 1) % 2 === 0 ? Number.POSITIVE_INFINITY : 7 }));
    expect((await run(plan([target('a')], [sometimes]))).series[0]?.samples).toEqual([7, null, 7, null]);
  });

  test('suites of our own say so for peers', async () => {
    const own = suite(() => Promise.resolve({ rate: 1 }), { of: 'own' });
    const there = suite(() => Promise.resolve({ rate: 1 }), { unavailable: () => 'there is no second model' });
    const { series, skipped } = await run(plan([target('a')], [own, there]));
    expect(series).toEqual([]);
    expect(skipped.map(({ reason }) => reason)).toEqual([expect.stringContaining('our own daemon'), 'there is no second model']);
  });
});

describe('the suites', () => {
  test('have names and cases of their own, and every measure of a case another name', () => {
    expect(new Set(SUITES.map(({ name }) => name)).size).toBe(SUITES.length);
    for (const quick of [true, false]) {
      for (const one of SUITES) {
        const cases = one.cases({ quick, contextTokens: 8192, other: 'other', inProcess: null });
        expect(cases.length).toBeGreaterThan(0);
        expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
        for (const { measures } of cases) expect(new Set(measures.map(({ name }) => name)).size).toBe(measures.length);
      }
    }
  });

  test.each([512, 2048, 8192, 131_072])('ask for nothing longer than a context of %i tokens', (contextTokens) => {
    for (const one of SUITES) {
      for (const { cost, x } of one.cases({ quick: false, contextTokens, other: 'x', inProcess: null })) {
        if (x?.label.startsWith('tokens') === true) expect(x.value).toBeLessThan(contextTokens);
        expect(cost.promptTokens).toBeGreaterThanOrEqual(0);
      }
    }
  });

  test('lengthsWithin() cuts to the context, and has one at least', () => {
    expect(lengthsWithin([1024, 4096, 32_768], 8192, 64)).toEqual([1024, 4096]);
    expect(lengthsWithin([1024], 512, 64)).toEqual([412]);
    expect(lengthsWithin([1024], 10, 64)).toEqual([16]);
  });

  test('are known by name, in their order; an unknown one is refused with those there are', () => {
    expect(suitesOf(['ttft', 'decode']).map(({ name }) => name)).toEqual(['decode', 'ttft']);
    expect(suitesOf(['all'])).toHaveLength(SUITES.length);
    expect(suitesOf([...DEFAULT_SUITES, ...GATE_SUITES])).toHaveLength(4);
    expect(() => suitesOf(['speed'])).toThrow(/no suite "speed"/);
  });
});

describe('Prompts', () => {
  const ask = (perWord: number, overhead: number) => (body: { readonly messages: readonly { readonly content: string }[] }) =>
    Promise.resolve({ promptTokens: Math.round(body.messages[0]!.content.split(' ').length * perWord + overhead) });

  test.each([
    [1, 20],
    [1.25, 4],
    [5.5, 0],
  ])('texts have about the tokens they should, at %d tokens a word and %d around them', async (perWord, overhead) => {
    const prompts = await Prompts.calibrate(ask(perWord, overhead));
    for (const tokens of [64, 512, 4096]) {
      const { promptTokens } = await ask(perWord, overhead)({ messages: [{ content: prompts.text(tokens, 7) }] });
      expect(Math.abs(promptTokens - tokens)).toBeLessThanOrEqual(0.03 * tokens + perWord);
    }
  });

  test('the same seed has the same text, another one begins otherwise; a server that does not count is guessed for', async () => {
    const prompts = await Prompts.calibrate(() => Promise.resolve({ promptTokens: 0 }));
    expect(prompts.text(100, 5)).toBe(prompts.text(100, 5));
    expect(prompts.text(100, 5).split(' ')[0]).not.toBe(prompts.text(100, 6).split(' ')[0]);
    expect(prompts.text(0, 5)).toBe('5');
  });
});
