/** The real engine with many requests at once: what one is answered does not depend on the others, and what leaves takes nothing along. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerationRequest } from '../../../src/core/domain/request.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { Seeded } from '../../faults/seeded.js';
import { budgetOf, openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';

const home = createHome();
let roomy: OpenedEngine;
beforeAll(async () => {
  roomy = await openHere(home.path, { 'scheduler.min_shared_prefill_tokens': 32, 'engine.prefill_chunk_tokens': 64 });
});
afterAll(async () => {
  await roomy.close();
  home.remove();
});

const RULES = `You are one of many. ${Array.from({ length: 12 }, (_, i) => `Rule ${i}: answer in ${i + 3} words.`).join(' ')}`;
const sampled = (seed: number, changes: Partial<GenerationRequest['sampling']> = {}) => ({
  ...GREEDY,
  seed: BigInt(seed),
  temperature: 0.9,
  topP: 0.95,
  ...changes,
});
/** Half of them begin with the same rules. */
const asked = (i: number): GenerationRequest =>
  requestOf(`Question ${i}: ${'why '.repeat(i % 7)}?`, {
    maxTokens: 10 + (i % 5) * 4,
    sampling: sampled(i),
    ...(i % 2 === 0
      ? {
          messages: [
            { role: 'system', content: RULES },
            { role: 'user', content: `Name ${i} things.` },
          ],
        }
      : {}),
  });
/** Some turns of the event loop. */
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('twenty requests get the same tokens alone and in random company', async () => {
  const alone: (readonly number[])[] = [];
  for (let i = 0; i < 20; i++) alone.push((await readAll(roomy.engine.submit({ ...asked(i), cachePrompt: false }))).tokens);
  const random = new Seeded(5);
  const neighbours = Array.from({ length: 20 }, async () => {
    await turns(random.below(400));
    const abort = new AbortController();
    const leaveAfter = 1 + random.below(12);
    let seen = 0;
    const request = requestOf(`Tell me ${'more '.repeat(random.below(60))}`, { maxTokens: 40, sampling: sampled(random.below(1000)) });
    try {
      for await (const _ of roomy.engine.submit(request, { signal: abort.signal })) if (++seen === leaveAfter) abort.abort();
      return 'finished';
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  const together = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      await turns(random.below(400));
      return (await readAll(roomy.engine.submit({ ...asked(i), cachePrompt: i % 3 !== 0 }))).tokens;
    }),
  );
  expect(together).toEqual(alone);
  expect(new Set(await Promise.all(neighbours))).toEqual(new Set(['Cancelled']));
}, 240_000);

test('fifty clients that go away at random leave all counters as they were', async () => {
  await roomy.engine.drain();
  await roomy.engine.kept.release(() => true);
  const counters = () => {
    const { kv, retained, running, waiting, requests, fault } = roomy.engine.status();
    const { sequences, kvBytes, kvSharedBytes } = roomy.stats();
    return {
      ...{ used: kv.usedBytes, kinds: kv.kinds, retained, running, waiting, fault, sequences, kvBytes, kvSharedBytes },
      open: requests.submitted - requests.finished - requests.cancelled - requests.failed,
    };
  };
  const before = counters();
  const { cancelled } = roomy.engine.status().requests;
  const random = new Seeded(11);
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      await turns(random.below(600));
      const abort = new AbortController();
      const leaveAfter = random.below(14);
      let seen = 0;
      if (leaveAfter === 0) void turns(random.below(50)).then(() => abort.abort());
      try {
        for await (const _event of roomy.engine.submit({ ...asked(i), maxTokens: 200 }, { signal: abort.signal })) {
          if (++seen === leaveAfter) abort.abort();
        }
        return 'finished';
      } catch (error) {
        return (error as { code: string }).code;
      }
    }),
  );
  await roomy.engine.drain();
  expect(outcomes).toEqual(outcomes.map(() => 'Cancelled'));
  expect(roomy.engine.status().requests.cancelled - cancelled).toBeGreaterThan(40); // the others left before they were taken in
  await roomy.engine.kept.release(() => true);
  expect(counters()).toEqual(before);
}, 120_000);

test('two requests that come together with one system prompt read it once', async () => {
  await roomy.engine.kept.release(() => true);
  const system = `Keep to the rules. ${Array.from({ length: 40 }, (_, i) => `Point ${i} of the list is as long as this.`).join(' ')}`;
  const turn = (content: string): GenerationRequest =>
    requestOf('', {
      messages: [
        { role: 'system', content: system },
        { role: 'user', content },
      ],
    });
  const before = roomy.engine.status().tokens;
  const answers = await Promise.all(
    ['Who are you?', 'What is the time?', 'Where is it?'].map((one) => readAll(roomy.engine.submit(turn(one)))),
  );
  const { prompt, cached } = roomy.engine.status().tokens;
  const shared = answers[0]!.usage.promptTokens - 20;
  expect(prompt - before.prompt - (cached - before.cached)).toBeLessThan(shared + 120);
  expect(answers.filter(({ usage }) => usage.cachedTokens > shared).length).toBe(2);
  for (const [i, one] of ['Who are you?', 'What is the time?', 'Where is it?'].entries())
    expect(answers[i]!.tokens).toEqual((await readAll(roomy.engine.submit({ ...turn(one), cachePrompt: false }))).tokens);
}, 60_000);

describe('a pool too small for all', () => {
  /** Every answer needs a second block when it is well under way. */
  const growing = (i: number): GenerationRequest =>
    requestOf(`${i} ${'word '.repeat(165 + 3 * i)}`, {
      maxTokens: 90,
      sampling: sampled(i, { repetitionPenalty: 1.1, frequencyPenalty: 0.4, presencePenalty: 0.3 }),
      priority: i % 2 === 0 ? 'interactive' : 'batch',
    });
  let alone: (readonly number[])[];
  beforeAll(async () => {
    alone = [];
    for (let i = 0; i < 4; i++) alone.push((await readAll(roomy.engine.submit({ ...growing(i), cachePrompt: false }))).tokens);
  }, 120_000);

  test.each([
    ['kept in memory', { cachePrompt: true, persist: 'ram' as const }],
    ['read again', { cachePrompt: false }],
  ])(
    'answers make way for each other and go on with the tokens they would have had; their KV is %s',
    async (_, terms) => {
      // All prompts are read in the first few steps, so that whoever makes way is under way.
      const atOnce = {
        'scheduler.step_gap_ms': 10_000,
        'scheduler.decode_share': 0.1,
        'scheduler.batch_window_ms': 1_000,
        'engine.max_batch_sequences': 4,
      };
      const narrow = await openHere(home.path, { ...budgetOf(5, roomy, home.path), ...atOnce, 'scheduler.reserve_tokens': 8 });
      try {
        let longest = 0; // answer that made way, so far
        const watch = setInterval(() => {
          for (const { state, outputTokens } of narrow.engine.scheduling().sequences)
            if (state === 'preempted') longest = Math.max(longest, outputTokens);
        }, 1);
        const answers = await Promise.all([0, 1, 2, 3].map((i) => readAll(narrow.engine.submit({ ...growing(i), ...terms }))));
        clearInterval(watch);
        expect(answers.map(({ tokens }) => tokens)).toEqual(alone);
        expect(answers.map(({ usage }) => usage.completionTokens)).toEqual([90, 90, 90, 90]);
        await narrow.engine.drain();
        const { requests, kv, fault } = narrow.engine.status();
        expect(requests.preempted).toBeGreaterThan(0);
        expect(longest).toBeGreaterThan(10);
        expect([kv.runningBytes, fault]).toEqual([0, null]);
      } finally {
        await narrow.close();
      }
    },
    120_000,
  );

  test('an answer that waits for room can be cancelled, and leaves nothing behind', async () => {
    const narrow = await openHere(home.path, { ...budgetOf(3, roomy, home.path), 'scheduler.reserve_tokens': 8 });
    try {
      const abort = new AbortController();
      const [first, second] = [growing(0), { ...growing(1), cachePrompt: false }];
      const one = readAll(narrow.engine.submit({ ...first, maxTokens: 250, cachePrompt: false }));
      const two = readAll(narrow.engine.submit({ ...second, maxTokens: 250 }, { signal: abort.signal }));
      two.catch(() => undefined);
      while (!narrow.engine.scheduling().sequences.some(({ state }) => state === 'preempted')) await turns(1);
      abort.abort();
      await expect(two).rejects.toMatchObject({ code: 'Cancelled' });
      expect((await one).usage.completionTokens).toBe(250);
      await narrow.engine.drain();
      expect([narrow.stats().sequences, narrow.engine.status().kv.usedBytes]).toEqual([0, 0]);
    } finally {
      await narrow.close();
    }
  }, 120_000);
});
