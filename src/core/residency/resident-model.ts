/** A model in memory, and how it comes there. */
import type { Answerer } from '../answers/answerer.js';
import type { Engine } from '../engine/engine.js';

export interface ResidentModel {
  /** What requests call it by. */
  readonly name: string;
  readonly engine: Engine;
  readonly answerer: Answerer;
  readonly weightBytes: number;
  /** Milliseconds since 1970. */
  readonly loadedAt: number;
}

/** A model that was found and looked at: what is wrong with its files was said. It takes no memory to speak of. */
/** One that is in memory, and what becomes of it. */
export interface Host {
  readonly model: ResidentModel;
  pinned: boolean;
  /** On its way out: it admits nothing new. */
  leaving: boolean;
  usedAt: number; // ms of the timer
}

export interface PreparedModel {
  readonly name: string;
  /** Of its files; what it takes in memory may differ. */
  readonly weightBytes: number;
  /** Equal for models that answer alike and share their KV: weights, tokenizer, template, positions. */
  identity(): Promise<string>;
  /**
   * Reads all but the weights, and says whether they fit beside the models that stay. Throws ModelFileCorrupt, ModelUnsupported, TemplateFailed,
   * OutOfMemory with what would fit.
   */
  check(staying: readonly ResidentModel[]): Promise<void>;
  /**
   * `kvBytes` says how much KV it may have beside so many bytes of weights. Throws OutOfMemory, ModelFileCorrupt, EngineFailed, ...: nothing of it is
   * in memory then.
   */
  load(kvBytes: (weightBytes: number) => number): Promise<ResidentModel>;
}

export interface ModelLoader {
  /** Throws ModelNotFound, ModelFileMissing, ModelFileCorrupt, ModelUnsupported. */
  prepare(name: string): Promise<PreparedModel>;
  /** Bytes of KV for each of the models that have these weights. Throws OutOfMemory where nothing is left. */
  kvShare(weightBytes: readonly number[]): number;
  /** What the native engine holds now, bytes. */
  memory(): { readonly weightBytes: number; readonly kvBytes: number };
}

/** From any name a request may use to a model's own. Throws ModelNotFound. */
export interface ModelNames {
  resolve(wanted: string): string;
}

/** Told which models are used. */
export interface ModelUseLog {
  loaded(name: string, fingerprint: string): void;
  used(name: string): void;
}
