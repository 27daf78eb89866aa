import type { SchedulerLimits } from '../../../src/core/engine/scheduler-limits.js';

/** As config/default.toml has them. */
export const SCHEDULER_LIMITS: SchedulerLimits = {
  batchWindowMs: 10,
  maxBatchSequences: 16,
  maxQueue: 64,
  maxQueuePerKey: 0,
  maxRunningPerKey: 0,
  maxQueueMs: 600_000,
  retryAfterSeconds: 2,
  maxRetryAfterSeconds: 60,
  minPrefillTokens: 32,
  maxPrefillTokens: 512,
  decodeShare: 0.55,
  stepGapMs: 50,
  ageingMs: 10_000,
  reserveTokens: 256,
  minSharedPrefillTokens: 256,
};
