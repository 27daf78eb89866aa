import type { NativeEngine } from '../../adapters/mlx/native-engine.js';
import type { EngineStatus } from '../../core/engine/engine-status.js';
import type { StoreStatus } from '../../core/ports.js';

export interface DaemonStatus {
  readonly pid: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly address: string;
  readonly socket: string;
  readonly engine: EngineStatus;
  /** Counters of the native engine, bytes and tokens. */
  readonly native: ReturnType<NativeEngine['stats']>;
  readonly memory: { readonly budgetBytes: number; readonly residentBytes: number };
  /** KV on disk; `state` and `reason` say whether it can be written. */
  readonly store: StoreStatus;
}
