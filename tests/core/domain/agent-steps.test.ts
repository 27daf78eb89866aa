import { expect, test } from 'vitest';
import { type AgentContext, LOCAL_SCOPE } from '../../../src/core/domain/agent.js';
import { stepsOf } from '../../../src/core/domain/agent-steps.js';
import type { CacheReport } from '../../../src/core/domain/cache-report.js';
import { endTurn } from '../../../src/core/domain/end-turn.js';
import { newAgent } from '../../../src/core/domain/new-agent.js';

const POLICY = { persist: 'ram', ttlSeconds: null, pinned: false, maxTokens: null } as const;
const made = (): AgentContext =>
  newAgent(
    {
      id: 'a',
      scope: LOCAL_SCOPE,
      parent: null,
      policy: POLICY,
      fingerprint: 'f',
      messages: [{ role: 'system', content: 'S' }],
      tools: [],
    },
    1,
  );
const report = (promptTokens: number, cachedTokens: number): CacheReport => ({
  promptTokens,
  cachedTokens,
  createdTokens: promptTokens - cachedTokens,
  source: 'memory',
  miss: null,
});

function turn(agent: AgentContext, tokens: number[], written: number, cached: number): AgentContext {
  const messages = [...agent.messages, { role: 'user', content: 'U' }, { role: 'assistant', content: 'A' }];
  const end = {
    messages,
    tools: [],
    tokens: Int32Array.from(tokens),
    fingerprint: 'f',
    completionTokens: written,
    report: report(tokens.length - written, cached),
  };
  return endTurn(agent, end, 2);
}

test('every turn has the messages that came with it, the ids that were read behind the turn before, and those that were written', () => {
  const agent = turn(turn(made(), [1, 2, 3, 4], 1, 0), [1, 2, 3, 4, 5, 6, 7, 8], 2, 4);
  const steps = stepsOf(agent);
  expect(steps.map(({ added }) => added.map(({ role }) => role))).toEqual([['system'], ['user', 'assistant'], ['user', 'assistant']]);
  expect(steps.map(({ read }) => read && [...read])).toEqual([null, [1, 2, 3], [5, 6]]);
  expect(steps.map(({ written }) => written && [...written])).toEqual([null, [4], [7, 8]]);
  expect(steps[2]?.turn.told).toEqual({ cache: report(6, 4), completionTokens: 2 });
});

test('where a later turn was rendered otherwise the ids of the earlier one are not known any more', () => {
  const agent = turn(turn(made(), [1, 2, 3, 4], 1, 0), [1, 2, 9, 9, 5, 6], 1, 2);
  expect(stepsOf(agent).map(({ read }) => read && [...read])).toEqual([null, null, [9, 9, 5]]);
});
