/** What the scheduler is doing, sequence by sequence; for `semantic top` and the admin API. */
import type { PoolPressure } from '../domain/pool-pressure.js';
import type { Priority } from '../domain/priority.js';
import type { EngineCounts } from './engine-status.js';
import type { Rates } from './meter.js';
import type { SchedulerLimits } from './scheduler-limits.js';

/** `held`: its reader does not keep up. `preempted`: its KV made way for others, and it goes on when there is room. */
export type SequenceState = 'waiting' | 'starting' | 'prefill' | 'decode' | 'held' | 'preempted';

export interface SequenceReport {
  readonly id: number;
  readonly agent: string | null;
  /** Whose API key it came with: the scope. */
  readonly key: string;
  readonly priority: Priority;
  readonly state: SequenceState;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly kvTokens: number;
  readonly outputTokens: number;
  readonly maxTokens: number;
  readonly tokensPerSecond: number;
  /** Since the request came. */
  readonly ageMs: number;
  readonly waitedMs: number;
  readonly ttftMs: number | null;
}

export interface SchedulerReport extends EngineCounts {
  readonly limits: SchedulerLimits;
  /** Prompt tokens that fit into a step beside what decodes now. */
  readonly prefillChunkTokens: number;
  /** How long a request that came now would wait, as far as can be told. */
  readonly projectedDelayMs: number;
  /** Of wall time that steps took inside the runner. */
  readonly stepMillis: number;
  readonly rates: Rates;
  readonly pool: { readonly totalBytes: number; readonly usedBytes: number; readonly pressure: PoolPressure };
  /** Running ones first, then those that wait, in order of arrival. */
  readonly sequences: readonly SequenceReport[];
}
