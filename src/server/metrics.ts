import type { FastifyInstance } from 'fastify';
import type { MetricsSnapshot } from '../adapters/metrics/daemon-metrics.js';
import { type AgentContext, EVERYONE } from '../core/domain/agent.js';
import type { OpenedEngine } from './open-engine.js';

export interface MetricsSource {
  page(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** GET /metrics. `isOpen`: without a key where keys are needed. */
export function metrics(app: FastifyInstance, source: MetricsSource, isOpen: boolean): void {
  app.get('/metrics', { config: { open: isOpen, unlimited: true } }, async (request, reply) => {
    const { contentType, text } = await source.page(request.headers.accept);
    return reply.type(contentType).send(text);
  });
}

/** What an opened engine has to show, also while no model is in memory. `namesAgents`: each by its id. */
export function snapshotOf(opened: OpenedEngine, upSeconds: number, namesAgents: boolean): MetricsSnapshot {
  const { models, agents, store, memory } = opened;
  const native = opened.stats();
  const { heapUsed, rss } = process.memoryUsage();
  const kept = store.status();
  return {
    engines: models.list().map(({ name, model }) => {
      const { waiting, running } = model.engine.status();
      const { pool, rates } = model.engine.scheduling();
      const { prefillTokensPerSecond, decodeTokensPerSecond } = rates;
      return {
        model: name,
        waiting,
        running,
        poolUsedBytes: pool.usedBytes,
        poolTotalBytes: pool.totalBytes,
        prefillTokensPerSecond,
        decodeTokensPerSecond,
      };
    }),
    agents: agents.count,
    agentTokens: new Map(namesAgents ? agents.list(EVERYONE).map(({ id, totals }) => [id, tokensOf(totals)]) : []),
    memory: { weights: native.weightBytes, kv: native.kvBytes, heap: heapUsed, resident: rss, budget: memory.budgetBytes },
    store: {
      bytes: kept.bytes,
      deadBytes: kept.deadBytes,
      maxBytes: kept.limits.maxBytes,
      isSuspended: kept.state === 'suspended',
      evicted: kept.evicted,
    },
    swaps: models
      .swaps()
      .filter(({ state }) => OVER.has(state))
      .map(({ id, state, ms }) => ({ id, outcome: state, seconds: ms / 1000 })),
    upSeconds,
  };
}

function tokensOf({ promptTokens, cachedTokens, completionTokens }: AgentTotals): Readonly<Record<string, number>> {
  return { prompt: promptTokens, cached: cachedTokens, completion: completionTokens };
}

type AgentTotals = AgentContext['totals'];

const OVER: ReadonlySet<string> = new Set(['done', 'rolled_back', 'failed']);
