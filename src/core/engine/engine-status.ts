import type { PoolCounts } from '../domain/block-pool.js';

/** Since the engine was opened. */
export interface EngineCounts {
  readonly requests: Readonly<Record<'submitted' | 'finished' | 'cancelled' | 'failed' | 'refused' | 'preempted', number>>;
  readonly tokens: Readonly<Record<'prompt' | 'cached' | 'restored' | 'generated', number>>;
  readonly steps: number;
}

/** What the engine is doing, for the daemon's status. */
export interface EngineStatus extends EngineCounts {
  readonly model: string;
  readonly contextLength: number;
  readonly waiting: number;
  readonly running: number;
  /** What the bookkeeping was found to contradict itself in; from then on nothing is admitted. */
  readonly fault: string | null;
  /** Writes of KV to disk that wait or run, and why the last one failed. */
  readonly parking: { readonly pending: number; readonly lastFailure: string | null };
  readonly retained: { readonly sequences: number; readonly tokens: number; readonly bytes: number };
  /** Blocks in use by running and retained sequences; `runningBytes` are those of running ones. */
  readonly kv: PoolCounts & { readonly runningBytes: number; readonly bytesPerToken: number };
}
