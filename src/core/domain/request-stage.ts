/** A request in stages, for whoever follows it: ids, times and counts, never text. */
import type { ErrorCode } from './errors.js';
import type { FinishReason } from './request.js';
import type { TraceParent } from './trace-parent.js';

/** `queue`: from its arrival; `restore`: KV comes from disk; `prefill`: to the first token; `decode`: to the last; `persist`: KV goes to disk. */
export type StageName = 'queue' | 'restore' | 'prefill' | 'decode' | 'persist';

export interface StageCounts {
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  /** Read from disk. */
  readonly restoredTokens?: number;
  readonly completionTokens?: number;
  /** Times it made way for others. */
  readonly preemptions?: number;
  /** Written to disk. */
  readonly bytes?: number;
}

/** A stage that is over. */
export interface RequestStage {
  readonly trace: TraceParent;
  readonly name: StageName;
  /** By the engine's timer, milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  /** Tells the answers of one request apart; null where the stage is of none of them alone. */
  readonly generation: number | null;
  /** Whose turn it is; null = nobody's. */
  readonly agent: string | null;
  readonly counts: StageCounts;
  /** Why the answer ended, where it ended with this stage. */
  readonly reason: FinishReason | null;
  readonly outcome: 'ok' | ErrorCode;
}
