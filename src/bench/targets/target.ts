/** A running server that is measured. All of them are asked by the same client, so that prompts, lengths and clock are the same for all. */
import type { ChatBody, Streamed, StreamOptions } from './stream-chat.js';

export type TargetKind = 'ours' | 'llama.cpp' | 'mlx-lm' | 'url';

export interface TargetFacts {
  /** How results call it; no two of a run have the same. */
  readonly name: string;
  readonly kind: TargetKind;
  /** What it calls the model. */
  readonly model: string;
  /** Tokens; null where it does not say. */
  readonly contextTokens: number | null;
  /** What else is known of it: version, weights, threads, how it was started. */
  readonly facts: Readonly<Record<string, string>>;
}

/** What a suite is going to ask of a server. */
export interface Needs {
  /** Answers at once. */
  readonly slots: number;
  /** Prompt and answer of one of them together, tokens. */
  readonly contextTokens: number;
}

export interface Target extends TargetFacts {
  /** Called before each suite; a server that has to be told its size when it starts is started again. */
  prepare(needs: Needs, signal: AbortSignal): Promise<void>;
  /** A streamed answer; throws PeerFailed or what our daemon's error says. */
  chat(body: ChatBody, options?: StreamOptions): Promise<Streamed>;
  /** What only our own daemon can be asked; null for others. */
  readonly own: OwnBuild | null;
  close(): Promise<void>;
}

export interface DaemonOptions {
  /** Settings, as variables of the environment: SEMANTIC_<SECTION>_<KEY>. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Another installed model than the one that is measured. */
  readonly model?: string;
}

/** A build of ours on this machine: it can be restarted, and have more daemons of it started. */
export interface OwnBuild {
  /** Path of bin/run.js; null for a daemon that was running already, which is not ours to restart. */
  readonly binary: string | null;
  /** Whether it is the build that runs this benchmark. */
  readonly isThis: boolean;
  /** The daemon behind the target. */
  readonly daemon: OwnDaemon;
  /** Stops the daemon in order and starts it with the KV it has on disk. Only where `binary` is not null. */
  restart(signal: AbortSignal): Promise<void>;
  /** One more daemon of this build, with a home of its own; whoever asked closes it. Only where `binary` is not null. */
  launch(options: DaemonOptions, signal: AbortSignal): Promise<LaunchedDaemon>;
}

export interface OwnDaemon {
  readonly pid: number;
  status(): Promise<OwnStatus>;
  scheduler(): Promise<{ readonly totals: { readonly step_ms: number; readonly steps: number } }>;
  /** Resolves when no KV waits to be written. Throws CachePersistence when it cannot be. */
  stored(): Promise<void>;
  /** Exchanges the model in memory; resolves to the milliseconds the daemon says it took. */
  swap(model: string): Promise<number>;
}

export interface OwnStatus {
  readonly version: string;
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly kvBytesPerToken: number;
  readonly residentBytes: number;
  readonly contextTokens: number;
}

export interface LaunchedDaemon {
  readonly daemon: OwnDaemon;
  /** From the start of its process until it answered, milliseconds. */
  readonly readyMillis: number;
  /** Its folder; `kv` in it holds what is stored. */
  readonly home: string;
  chat(body: ChatBody, options?: StreamOptions): Promise<Streamed>;
  restart(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
