/** The real engine while answers only grow: their next step is asked for before the outcome of the one under way is known. */
import { afterEach, beforeAll, afterAll, expect, test, vi } from 'vitest';
import { SemanticError } from '../../../src/core/domain/errors.js';
import type { GenerationRequest } from '../../../src/core/domain/request.js';
import type { RunnerPlan } from '../../../src/core/ports.js';
import { Scheduler } from '../../../src/core/engine/scheduler.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { type Answer, openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';

const home = createHome();
let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openHere(home.path, { 'engine.max_batch_sequences': 3 });
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await opened.close();
  home.remove();
});

const ask = (content: string, changed: Partial<GenerationRequest> = {}): Promise<Answer> =>
  readAll(opened.engine.submit(requestOf(content, { maxTokens: 12, ...changed })));

/** Watches steps ahead; `instead` says what becomes of one, after it has run. */
function spyAhead(instead: (number: number) => void = () => undefined): { readonly plans: RunnerPlan[] } {
  const { runner } = opened.engine.model;
  const run = runner.stepAhead.bind(runner);
  const plans: RunnerPlan[] = [];
  vi.spyOn(runner, 'stepAhead').mockImplementation(async (plan) => {
    const number = plans.push(plan);
    const output = await run(plan);
    instead(number);
    return output;
  });
  return { plans };
}

test('answers are the same whether steps are asked for ahead or one by one', async () => {
  const sampling = { ...requestOf('').sampling, temperature: 0.8 };
  const questions = ['Name a colour.', 'Count to ten.', 'Who are you?', 'Tell me a story about the sea.'];
  const askAll = async (): Promise<(readonly number[])[]> => {
    const answers = await Promise.all(questions.map((question, i) => ask(question, { sampling, maxTokens: 6 + 5 * i })));
    return answers.map(({ tokens }) => tokens);
  };
  const { plans } = spyAhead();
  const ahead = await askAll();
  expect(plans.length).toBeGreaterThan(5);
  expect(plans.every(({ entries }) => entries.every(({ tokens }) => tokens.length === 1 && tokens[0] === -1))).toBe(true);
  vi.spyOn(Scheduler.prototype, 'follow').mockReturnValue(null);
  expect(await askAll()).toEqual(ahead);
});

test('an answer that stops while a step ahead is under way leaves its last token in the KV, and the next turn begins behind it', async () => {
  const session = { cachePrompt: true, persist: 'ram', sessionId: 'stops' } as const;
  const whole = await ask('Count to ten.');
  const prompt = whole.tokens.slice(0, whole.usage.promptTokens);
  const stop = whole.tokens[prompt.length + 3]!;
  const { plans } = spyAhead();
  const { usage, tokens } = await ask('Count to ten.', { ...session, stopTokenIds: [stop] });
  expect(tokens).toEqual(whole.tokens.slice(0, whole.tokens.indexOf(stop, prompt.length) + 1));
  expect(plans.length).toBeGreaterThanOrEqual(usage.completionTokens - 1);
  const kept = [...opened.engine.kv.retained.kept()].find(({ sessionId }) => sessionId === 'stops');
  expect([...kept!.tokens]).toEqual(tokens);
  opened.engine.checkIntegrity();
});

test('an answer that was complete when the step ahead of it failed is an answer; the others in it are told', async () => {
  const before = opened.engine.status().requests;
  const whole = await ask('Count to ten.');
  const stop = whole.tokens[whole.usage.promptTokens + 3]!;
  const sampled = whole.tokens.slice(whole.usage.promptTokens).indexOf(stop) + 1;
  // Token 1 comes of the prompt, token 2 of a step, token n of step ahead n - 2: the one after it has the token that stops it.
  spyAhead((number) => {
    if (number === sampled - 1) throw new SemanticError('EngineFailed', '[test] the step failed');
  });
  const stopping = ask('Count to ten.', { stopTokenIds: [stop] });
  expect((await stopping).usage.completionTokens).toBe(sampled);
  vi.restoreAllMocks();
  spyAhead((number) => {
    if (number === 2) throw new SemanticError('EngineFailed', '[test] the step failed');
  });
  await expect(ask('Count to ten.')).rejects.toMatchObject({ message: '[test] the step failed' });
  vi.restoreAllMocks();
  expect(await ask('Count to ten.')).toEqual(whole);
  await opened.engine.drain();
  const { requests, fault } = opened.engine.status();
  expect([requests.finished - before.finished, requests.failed - before.failed, fault]).toEqual([3, 1, null]);
  opened.engine.checkIntegrity();
});

test('a step that fails takes the one after it along, and the loop goes on', async () => {
  const { runner } = opened.engine.model;
  const step = runner.step.bind(runner);
  let decoding = 0;
  vi.spyOn(runner, 'step').mockImplementation(async (plan) => {
    const output = await step(plan);
    if (plan.entries.every(({ tokens }) => tokens.length === 1) && ++decoding === 1)
      throw new SemanticError('EngineFailed', '[test] failed');
    return output;
  });
  const { plans } = spyAhead();
  await expect(ask('Count from ten to one.')).rejects.toMatchObject({ message: '[test] failed' });
  expect(plans.length).toBe(1);
  expect((await ask('And now?')).usage.completionTokens).toBe(12);
});

test('a request that comes, and one that goes, withdraw the step ahead', async () => {
  const withdraw = vi.spyOn(opened.engine.model.runner, 'withdrawAhead');
  const abort = new AbortController();
  const long = readAll(opened.engine.submit(requestOf('Tell me a long story.', { maxTokens: 400 }), { signal: abort.signal }));
  long.catch(() => undefined);
  while (opened.engine.status().tokens.generated === 0 || opened.engine.status().running === 0)
    await new Promise((resolve) => setImmediate(resolve));
  const { plans } = spyAhead();
  while (plans.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await ask('Who are you?', { maxTokens: 2 });
  const came = withdraw.mock.calls.length;
  expect(came).toBeGreaterThan(0);
  const { length } = plans;
  while (plans.length === length) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  await expect(long).rejects.toMatchObject({ code: 'Cancelled' });
  expect(withdraw.mock.calls.length).toBeGreaterThan(came);
  await opened.engine.drain();
});

test('an answer under a constraint is never run ahead of: its mask depends on what came before', async () => {
  const { plans } = spyAhead();
  const { usage } = await ask('A number.', { constraint: { kind: 'regex', pattern: '[0-9]{6}' }, ignoreEos: false });
  expect(usage.completionTokens).toBeGreaterThan(1);
  expect(plans).toEqual([]);
});
