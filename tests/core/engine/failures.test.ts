/** The real engine when a step, or the loop itself, fails: who was in it is told, the others go on. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SemanticError } from '../../../src/core/domain/errors.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';

const home = createHome();
let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openHere(home.path, { 'engine.max_batch_sequences': 2, 'cache.max_agents_in_memory': 0 });
});
afterAll(async () => {
  vi.restoreAllMocks();
  await opened.close();
  home.remove();
});

const ask = (content: string, maxTokens = 6) => readAll(opened.engine.submit(requestOf(content, { maxTokens })));
const failure = (outcome: PromiseSettledResult<unknown>) =>
  outcome.status === 'rejected' ? (outcome.reason as Error).message : 'answered';

test('a step that fails ends the answers in it and no other', async () => {
  const { runner } = opened.engine.model;
  const before = opened.engine.status().requests;
  const whole = await ask('Count to three.');
  vi.spyOn(runner, 'step').mockRejectedValueOnce(new SemanticError('EngineFailed', '[test] the step failed'));
  const outcomes = await Promise.allSettled([ask('One?'), ask('Two?'), ask('Count to three.'), ask('Four?')]);
  expect(outcomes.map(failure)).toEqual(['[test] the step failed', '[test] the step failed', 'answered', 'answered']);
  expect((outcomes[2] as PromiseFulfilledResult<typeof whole>).value.tokens).toEqual(whole.tokens);
  await opened.engine.drain();
  const { requests, kv, fault } = opened.engine.status();
  expect([requests.failed - before.failed, requests.finished - before.finished, kv.usedBytes, fault]).toEqual([2, 3, 0, null]);
  expect(opened.stats().sequences).toBe(0);
});

test('a sequence that cannot be made fails its own request', async () => {
  const { runner } = opened.engine.model;
  vi.spyOn(runner, 'createSequence').mockRejectedValueOnce(new SemanticError('OutOfMemory', '[test] no sequence'));
  const outcomes = await Promise.allSettled([ask('One?'), ask('Two?')]);
  expect(outcomes.map(failure)).toEqual(['[test] no sequence', 'answered']);
  await opened.engine.drain();
  expect([opened.stats().sequences, opened.engine.status().kv.usedBytes]).toEqual([0, 0]);
});

test('when the loop itself fails everybody who waits or runs is told, nothing is left behind, and it starts again', async () => {
  const { kv } = opened.engine;
  const running = ask('Tell me a long story.', 400);
  running.catch(() => undefined);
  while (opened.engine.status().running === 0) await new Promise((resolve) => setImmediate(resolve));
  vi.spyOn(kv, 'canClaim').mockImplementationOnce(() => {
    throw new Error('[test] the loop failed');
  });
  const outcomes = await Promise.allSettled([running, ask('Two?')]);
  expect(outcomes.map(failure)).toEqual(['[test] the loop failed', '[test] the loop failed']);
  await opened.engine.drain();
  expect([opened.stats().sequences, opened.engine.status().kv.usedBytes, opened.engine.status().fault]).toEqual([0, 0, null]);
  expect((await ask('And now?')).usage.completionTokens).toBe(6);
});

test('an engine that is aborted with an error of ours ends the answer with it', async () => {
  const abort = new AbortController();
  const late = readAll(opened.engine.submit(requestOf('Tell me a long story.', { maxTokens: 400 }), { signal: abort.signal }));
  late.catch(() => undefined);
  while (opened.engine.status().running === 0) await new Promise((resolve) => setImmediate(resolve));
  const { generated } = opened.engine.status().tokens;
  abort.abort(new SemanticError('DeadlineExceeded', '[test] too late'));
  await expect(late).rejects.toMatchObject({ code: 'DeadlineExceeded', message: '[test] too late' });
  await opened.engine.drain();
  expect(opened.engine.status().tokens.generated - generated).toBeLessThanOrEqual(1);
});
