/** What the engine consists of, for the verbs that make it up. */
import type { ModelCacheSpec } from '../domain/model-cache-spec.js';
import type { ChatTemplate, ConstraintCompiler, EngineObserver, KvMover, ModelRunner, Timer, Tokenizer } from '../ports.js';
import type { CacheHistories } from './cache-histories.js';
import type { KeptKv } from './kept-kv.js';
import type { KvLimits, KvMemory } from './kv-memory.js';
import type { KvParking, ParkingLimits } from './kv-parking.js';
import type { LiveRequests } from './live-requests.js';
import type { Meter } from './meter.js';
import type { Scheduler } from './scheduler.js';
import type { SchedulerLimits } from './scheduler-limits.js';

export interface EngineModel {
  readonly id: string;
  readonly contextLength: number;
  /** What the KV of a sequence takes. */
  readonly cache: ModelCacheSpec;
  /** Of weights, tokenizer, template, positions and KV format: KV of another one is of no use. */
  readonly fingerprint: string;
  readonly runner: ModelRunner & KvMover;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly constraints: ConstraintCompiler;
}

export interface EngineLimits extends KvLimits {
  readonly scheduler: SchedulerLimits;
  readonly parking: ParkingLimits;
  /** Sessions whose last prompt is remembered, to explain misses. */
  readonly maxHistories: number;
  /** Tokens of a prompt after which windowed layers leave a restore point; 0 = only where turns end. */
  readonly restorePointTokens: number;
  /** Events an answer may have unread before its sequence waits for the reader. */
  readonly streamBufferEvents: number;
}

export interface EngineParts {
  readonly model: EngineModel;
  readonly limits: EngineLimits;
  readonly kv: KvMemory;
  readonly kept: KeptKv;
  readonly parking: KvParking;
  readonly histories: CacheHistories;
  readonly scheduler: Scheduler;
  readonly live: LiveRequests;
  readonly timer: Timer;
  readonly meter: Meter;
  readonly observer: EngineObserver;
  /** The loop is to look again. */
  readonly wake: () => void;
}
