/** The page of a registry over made-up moments: what only a full disk or a second opening of the store brings about. */
import { expect, test } from 'vitest';
import { DaemonMetrics, type MetricsSnapshot } from '../../../src/adapters/metrics/daemon-metrics.js';

const NOTHING: MetricsSnapshot = {
  engines: [],
  agents: 0,
  agentTokens: new Map(),
  memory: { weights: 0, kv: 0, heap: 0, resident: 0, budget: 0 },
  store: { bytes: 0, deadBytes: 0, maxBytes: 0, isSuspended: false, evicted: 0 },
  swaps: [],
  upSeconds: 0,
};

async function pageAfter(metrics: DaemonMetrics, begin: string): Promise<string[]> {
  const { text } = await metrics.page(undefined);
  return text.split('\n').filter((line) => line.startsWith(begin));
}

test('what made way on disk is counted on when the store is opened again and begins at nothing', async () => {
  let evicted = 0;
  const metrics = new DaemonMetrics(() => ({ ...NOTHING, store: { ...NOTHING.store, evicted } }));
  const counted: string[] = [];
  for (evicted of [0, 7, 9, 2]) counted.push(...(await pageAfter(metrics, 'semantic_eviction_total')));
  expect(counted).toEqual([0, 7, 9, 11].map((blocks) => `semantic_eviction_total{tier="disk"} ${blocks}`));
  metrics.close();
});

test('an agent that is gone leaves no series', async () => {
  let agentTokens: MetricsSnapshot['agentTokens'] = new Map([
    ['planner', { prompt: 30, cached: 20, completion: 4 }],
    ['coder', { prompt: 5, cached: 0, completion: 1 }],
  ]);
  const metrics = new DaemonMetrics(() => ({ ...NOTHING, agentTokens }));
  expect(await pageAfter(metrics, 'semantic_agent_tokens_total')).toHaveLength(6);
  agentTokens = new Map([['coder', { prompt: 9, cached: 5, completion: 2 }]]);
  expect(await pageAfter(metrics, 'semantic_agent_tokens_total')).toEqual([
    'semantic_agent_tokens_total{agent="coder",kind="prompt"} 9',
    'semantic_agent_tokens_total{agent="coder",kind="cached"} 5',
    'semantic_agent_tokens_total{agent="coder",kind="completion"} 2',
  ]);
  metrics.close();
});
