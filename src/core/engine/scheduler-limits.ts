import type { PrefillLimits } from '../domain/prefill-budget.js';

/** All of it may change while jobs run: what runs already stays. */
export interface SchedulerLimits extends PrefillLimits {
  /** So long an idle engine waits for more when something arrives, so that requests which come together are planned together. */
  readonly batchWindowMs: number;
  /** Sequences in one step. */
  readonly maxBatchSequences: number;
  /** Jobs that may wait beyond those the free batch slots will take; one more is Overloaded. */
  readonly maxQueue: number;
  /** Likewise of one API key; 0 = no bound of its own. */
  readonly maxQueuePerKey: number;
  /** Sequences of one API key in a step; 0 = no bound of its own. */
  readonly maxRunningPerKey: number;
  /** A request that would wait longer is Overloaded. */
  readonly maxQueueMs: number;
  /** What an Overloaded answer tells the caller to wait, at least and at most. */
  readonly retryAfterSeconds: number;
  readonly maxRetryAfterSeconds: number;
  /** Who has waited so long has every second turn. */
  readonly ageingMs: number;
  /** Room for output that a job has when it starts, and gains whenever it is used up. */
  readonly reserveTokens: number;
  /** A job waits for a running one that reads the same start of a prompt, if it saves so many tokens; 0 = never. */
  readonly minSharedPrefillTokens: number;
}
