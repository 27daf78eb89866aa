import { expect, test } from 'vitest';
import { agentOwner } from '../../../src/core/domain/agent.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import type { RequestStage } from '../../../src/core/domain/request-stage.js';
import type { TraceParent } from '../../../src/core/domain/trace-parent.js';
import { Stages } from '../../../src/core/engine/stages.js';
import { NO_OBSERVER } from '../../../src/core/ports.js';

const TRACE: TraceParent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), epochMs: 1_000 };

function create(trace: TraceParent | undefined, sessionId: string | null = null) {
  const told: RequestStage[] = [];
  const clock = { now: 10 };
  const stages = new Stages({
    request: trace === undefined ? { sessionId } : { sessionId, trace },
    generation: 7,
    observer: { ...NO_OBSERVER, stage: (stage) => told.push(stage) },
    timer: { now: () => clock.now, after: () => () => undefined },
    arrivedAt: 4,
  });
  return { stages, told, clock };
}

test('each stage is told once, when it is over, and the next begins where it ended', () => {
  const { stages, told, clock } = create(TRACE, agentOwner('ada'));
  stages.enter('restore');
  clock.now = 20;
  stages.count({ restoredTokens: 256 });
  stages.enter('prefill');
  stages.count({ promptTokens: 300, cachedTokens: 256 });
  clock.now = 30;
  stages.enter('decode');
  stages.count({ preemptions: 1 });
  stages.count({ preemptions: 1, completionTokens: 5 });
  expect(told.length).toBe(3);
  clock.now = 50;
  stages.finish('length');
  const all = { trace: TRACE, generation: 7, agent: 'ada', outcome: 'ok', reason: null };
  expect(told).toEqual([
    { ...all, name: 'queue', startMs: 4, endMs: 10, counts: {} },
    { ...all, name: 'restore', startMs: 10, endMs: 20, counts: { restoredTokens: 256 } },
    { ...all, name: 'prefill', startMs: 20, endMs: 30, counts: { promptTokens: 300, cachedTokens: 256 } },
    { ...all, name: 'decode', startMs: 30, endMs: 50, counts: { preemptions: 2, completionTokens: 5 }, reason: 'length' },
  ]);
});

test('what fails is told with its code in the stage it was in, and nothing after it', () => {
  for (const [error, outcome] of [
    [new SemanticError('Cancelled', 'gone'), 'Cancelled'],
    [new Error('a bug'), 'Internal'],
  ] as const) {
    const { stages, told } = create(TRACE);
    stages.fail(error);
    stages.fail(error);
    stages.enter('decode');
    stages.finish('stop');
    expect(told.map(({ name, outcome: end, agent }) => [name, end, agent])).toEqual([['queue', outcome, null]]);
  }
});

test('nothing is told of a request that nobody follows', () => {
  const { stages, told } = create(undefined);
  stages.enter('prefill');
  stages.count({ promptTokens: 1 });
  stages.finish('stop');
  expect(told).toEqual([]);
});
