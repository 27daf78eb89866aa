/** Settings -> what the engine and the agents are held to. */
import type { Config } from '../adapters/config/schema.js';
import type { NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import type { AgentLimits } from '../core/engine/agents.js';
import type { EngineLimits } from '../core/engine/engine-parts.js';
import type { RateLimits } from '../core/domain/rate-limits.js';
import type { SchedulerLimits } from '../core/engine/scheduler-limits.js';
import { windowSlack } from './window-slack.js';

const MB = 2 ** 20;

export function engineLimits(settings: Config, executor: NativeEngineOptions['executor'], kvBytes: number): EngineLimits {
  const { engine, cache, store } = settings;
  const slack = windowSlack(executor, engine.prefill_chunk_tokens);
  return {
    scheduler: schedulerLimits(settings),
    kvBudgetBytes: kvBytes,
    windowSlackTokens: slack.running,
    streamBufferEvents: engine.stream_buffer_events,
    maxHistories: cache.max_histories,
    restorePointTokens: cache.restore_point_tokens,
    parking: {
      extentBytes: store.extent_mb * MB,
      minPersistTokens: cache.min_persist_tokens,
      minRestoreTokens: cache.min_restore_tokens,
      shareAcrossKeys: cache.share_across_keys,
    },
    retention: {
      maxSequences: cache.max_agents_in_memory,
      maxBytes: cache.budget_mb * MB,
      windowSlackTokens: slack.atRest,
      minReuseShare: cache.min_reuse_share,
      toolWaitBonus: cache.tool_wait_bonus,
      restorePoints: cache.restore_points,
    },
  };
}

/** Those that may change while it runs. */
export function schedulerLimits({ engine, scheduler }: Config): SchedulerLimits {
  return {
    batchWindowMs: scheduler.batch_window_ms,
    maxBatchSequences: engine.max_batch_sequences,
    maxQueue: engine.max_queue,
    maxQueuePerKey: scheduler.max_queue_per_key,
    maxRunningPerKey: scheduler.max_running_per_key,
    maxQueueMs: scheduler.max_queue_seconds * 1000,
    retryAfterSeconds: engine.retry_after_seconds,
    maxRetryAfterSeconds: Math.max(engine.retry_after_seconds, scheduler.max_retry_after_seconds),
    minPrefillTokens: Math.min(scheduler.min_prefill_tokens, engine.prefill_chunk_tokens),
    maxPrefillTokens: engine.prefill_chunk_tokens,
    decodeShare: scheduler.decode_share,
    stepGapMs: scheduler.step_gap_ms,
    ageingMs: scheduler.ageing_seconds * 1000,
    reserveTokens: scheduler.reserve_tokens,
    minSharedPrefillTokens: scheduler.min_shared_prefill_tokens,
  };
}

/** Of keys that have none of their own. */
export function rateLimits({ limits }: Config): RateLimits {
  return { requestsPerMinute: limits.requests_per_minute, tokensPerMinute: limits.tokens_per_minute };
}

export function agentLimits({ agents }: Config): AgentLimits {
  const ttlSeconds = agents.ttl_seconds === 0 ? null : agents.ttl_seconds;
  return {
    maxAgents: agents.max,
    policy: { persist: agents.persist, ttlSeconds, pinned: false, maxTokens: null },
    busy: agents.busy,
    wireTtlSeconds: agents.wire_ttl_seconds === 0 ? null : agents.wire_ttl_seconds,
  };
}
