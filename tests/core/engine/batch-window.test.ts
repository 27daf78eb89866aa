/** The real engine with a clock that stands still until it is told otherwise. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { noStore } from '../../../src/adapters/kv-store/no-store.js';
import { Engine } from '../../../src/core/engine/engine.js';
import type { Timer } from '../../../src/core/ports.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';
import { SCHEDULER_LIMITS } from './scheduler-limits.js';

/** Calls that are due later are made when the test says so. */
class ManualTimer implements Timer {
  readonly due = new Map<() => void, number>();
  now = (): number => 0;
  after(milliseconds: number, run: () => void): () => void {
    this.due.set(run, milliseconds);
    return () => void this.due.delete(run);
  }
  fire(): void {
    for (const run of [...this.due.keys()]) {
      this.due.delete(run);
      run();
    }
  }
}

const home = createHome();
let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openHere(home.path);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await opened.close();
  home.remove();
});

function create(maxBatchSequences: number) {
  const timer = new ManualTimer();
  const retention = { maxSequences: 0, maxBytes: 0, windowSlackTokens: 256, minReuseShare: 0.5, toolWaitBonus: 0, restorePoints: 0 };
  const engine = new Engine(opened.engine.model, noStore(), timer, {
    scheduler: { ...SCHEDULER_LIMITS, batchWindowMs: 7, maxBatchSequences },
    kvBudgetBytes: 2 ** 28,
    windowSlackTokens: 256,
    retention,
    parking: { extentBytes: 2 ** 20, minPersistTokens: 0, minRestoreTokens: 32, shareAcrossKeys: false },
    maxHistories: 10,
    restorePointTokens: 0,
    streamBufferEvents: 64,
  });
  const steps = vi.spyOn(opened.engine.model.runner, 'step');
  steps.mockClear();
  const ask = (content: string, signal?: AbortSignal) =>
    readAll(engine.submit(requestOf(content, { maxTokens: 2 }), signal === undefined ? {} : { signal }));
  return { engine, timer, steps, ask };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const once = async (happened: () => boolean): Promise<void> => {
  while (!happened()) await turn();
};

test('an idle engine waits a window for more, and plans what came together', async () => {
  const { engine, timer, steps, ask } = create(4);
  const answers = [ask('One?'), ask('Two?')];
  await once(() => engine.scheduling().sequences.length === 2 && timer.due.size === 1);
  answers.push(ask('Three?'));
  await once(() => engine.scheduling().sequences.length === 3);
  for (let i = 0; i < 100; i++) await turn();
  expect([steps.mock.calls.length, [...timer.due.values()]]).toEqual([0, [7]]);
  timer.fire();
  await Promise.all(answers);
  expect(steps.mock.calls[0]![0].entries.length).toBe(3);
  await engine.drain();
});

test('a request for every slot ends the wait, and so does one that is given up', async () => {
  const full = create(2);
  await Promise.all([full.ask('One?'), full.ask('Two?')]);
  expect(full.steps.mock.calls[0]![0].entries.length).toBe(2);
  await full.engine.drain();

  const given = create(2);
  const abort = new AbortController();
  const answer = given.ask('One?', abort.signal);
  answer.catch(() => undefined);
  await once(() => given.timer.due.size === 1);
  abort.abort();
  await expect(answer).rejects.toMatchObject({ code: 'Cancelled' });
  await given.engine.drain();
  expect([given.steps.mock.calls.length, given.timer.due.size]).toEqual([0, 0]);
});
