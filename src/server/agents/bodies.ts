/** Agents and what became of their prompts, as JSON. */
import type { AgentBody, AgentDetailBody, RemovedAgentBody, ReportBody, TurnsBody } from '../../client/agent-bodies.js';
import type { CacheReport } from '../../core/domain/cache-report.js';
import type { AgentStep, AgentView, RemovedAgent } from '../../core/engine/agent-service.js';

export function agentBody(agent: AgentView): AgentBody {
  const { place, policy, totals } = agent;
  return {
    object: 'agent',
    id: agent.id,
    parent: agent.parent,
    children: [...agent.children],
    client: agent.client ?? null,
    state: agent.state,
    created_at: seconds(agent.createdAt),
    used_at: seconds(agent.usedAt),
    turns: agent.turns.filter(({ tokens }) => tokens > 0).length, // 0 tokens: what it was created with
    tokens: agent.tokens.length,
    fingerprint: agent.fingerprint,
    kv: {
      memory_tokens: place.memoryTokens,
      disk_tokens: place.diskTokens,
      memory_bytes: place.memoryBytes,
      disk_bytes: place.diskBytes,
    },
    policy: { persist: policy.persist, ttl_seconds: policy.ttlSeconds, pinned: policy.pinned, max_tokens: policy.maxTokens },
    usage: { prompt_tokens: totals.promptTokens, cached_tokens: totals.cachedTokens, completion_tokens: totals.completionTokens },
    cache: agent.report === null ? null : reportBody(agent.report),
    canonical_rules: [...(agent.rewrittenBy ?? [])],
  };
}

export function agentDetailBody(agent: AgentView): AgentDetailBody {
  return {
    ...agentBody(agent),
    messages: agent.messages.map((message) => ({ ...message })),
    tools: [...agent.tools],
    restore_points: agent.turns.map(({ messages, tokens, at }) => ({ messages, tokens, at: seconds(at) })),
  };
}

export function turnsBody(id: string, steps: readonly AgentStep[]): TurnsBody {
  return {
    object: 'agent.turns',
    id,
    data: steps.map(({ told, added, at, messages, tokens, rendered, generated, generatedTokens }, i) => ({
      step: i + 1,
      kind: tokens === 0 ? 'creation' : 'turn',
      at: seconds(at),
      messages,
      tokens,
      added: added.map((message) => ({ ...message })),
      cache: told === undefined ? null : reportBody(told.cache),
      completion_tokens: told?.completionTokens ?? null,
      rendered,
      generated,
      generated_tokens: generatedTokens === null ? null : [...generatedTokens],
    })),
  };
}

export function reportBody({ promptTokens, cachedTokens, createdTokens, source, miss }: CacheReport): ReportBody {
  return { prompt_tokens: promptTokens, cached_tokens: cachedTokens, created_tokens: createdTokens, source, miss };
}

export function removedBody(
  { id, blocks, bytes }: RemovedAgent,
  options: { readonly purge: boolean; readonly dryRun: boolean },
): RemovedAgentBody {
  return { object: 'agent.removed', id, purged: options.purge, dry_run: options.dryRun, blocks, bytes };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
