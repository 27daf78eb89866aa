/**
 * Composition: models that embed, in the native engine of the daemon. An encoder is loaded when a request first asks for it, and freed when none has for
 * long; a decoder is one of the models in memory, and embeds beside its answers.
 */
import { readCatalogue } from '../adapters/hub/catalogue.js';
import { installedModel, locateModel, whileThere } from '../adapters/hub/locate-model.js';
import type { Config } from '../adapters/config/schema.js';
import type { NativeEngine } from '../adapters/mlx/native-engine.js';
import { readCheckpoint } from '../adapters/model-files/read-checkpoint.js';
import { readSentenceSettings } from '../adapters/model-files/sentence-settings.js';
import { openTokenizer } from '../adapters/tokenizer/open-tokenizer.js';
import { embedWithDecoder } from '../core/embedding/embed-with-decoder.js';
import type { EmbeddingModel } from '../core/embedding/embedding-model.js';
import { EmbeddingQueue } from '../core/embedding/embedding-queue.js';
import { EmbeddingTurns } from '../core/embedding/embedding-turns.js';
import type { ModelResidency } from '../core/residency/model-residency.js';
import { buildEncoderSpec, isEncoder } from '../core/models/encoder-registry.js';

/** The models in memory that write text. */
export type Decoders = Pick<ModelResidency, 'acquire' | 'list'>;

interface Asking {
  /** Throws ModelNotFound. */
  readonly resolve: (wanted: string) => string;
  readonly signal: AbortSignal;
}

interface LoadedEncoder extends EmbeddingModel {
  unload(): Promise<void>;
}

interface Loaded {
  readonly loading: Promise<LoadedEncoder>;
  users: number;
  idle: NodeJS.Timeout | undefined;
}

export class Embedders {
  readonly queue: EmbeddingQueue;
  readonly #loaded = new Map<string, Loaded>();
  readonly #aliases: readonly RegExp[];

  constructor(
    private readonly native: NativeEngine,
    private readonly settings: Config['embeddings'],
    private readonly decoders: Decoders,
    limits: { readonly retryAfterSeconds: number; readonly maxRetryAfterSeconds: number },
  ) {
    const turns = new EmbeddingTurns(native.steps, settings.decode_share);
    this.queue = new EmbeddingQueue(turns, { maxRequests: settings.max_queue, sliceTokens: settings.slice_tokens, ...limits });
    this.#aliases = settings.aliases.map((alias) => new RegExp(`^${alias.split('*').map(escaped).join('.*')}$`));
  }

  /** In memory, or on its way there. */
  loaded(): readonly string[] {
    return [...this.#loaded.keys()];
  }

  /**
   * Runs `work` with the model that `wanted` means: the configured one by its name or an alias, else what `resolve` makes of the name, which throws
   * ModelNotFound. An encoder stays in memory until `work` is over, and `ttl_seconds` longer.
   */
  async use<T>(wanted: string, { resolve, signal }: Asking, work: (model: EmbeddingModel) => Promise<T>): Promise<T> {
    const own = wanted === this.settings.model || this.#aliases.some((alias) => alias.test(wanted));
    return whileThere(locateModel(own ? this.settings.model : resolve(wanted)), async ({ id, path }) => {
      if (await this.#isDecoder(id, path)) return work(await this.#decoder(id, path, signal));
      const entry = this.#enter(id, path);
      try {
        return await work(await entry.loading);
      } finally {
        this.#leave(id, entry);
      }
    });
  }

  /** Its files are read only where it is not in memory as one or the other. */
  async #isDecoder(id: string, path: string): Promise<boolean> {
    if (this.#loaded.has(id)) return false;
    return this.decoders.list().some(({ name }) => name === id) || !isEncoder(await readCheckpoint(path));
  }

  /** Throws what keeps a model from being in memory: see ModelResidency. */
  async #decoder(id: string, path: string, signal: AbortSignal): Promise<EmbeddingModel> {
    const { engine } = await this.decoders.acquire(id, signal);
    const { tokenizer, contextLength, runner } = engine.model;
    const { pooling, maxTokens } = await readSentenceSettings(path);
    return {
      id,
      tokenizer,
      hiddenSize: runner.hiddenSize,
      vocabSize: runner.vocabSize,
      maxTokens: Math.min(contextLength - 1, maxTokens ?? contextLength), // a token is sampled behind it
      embed: (inputs, caller) => embedWithDecoder(engine, inputs, pooling, caller),
    };
  }

  #enter(id: string, path: string): Loaded {
    const found = this.#loaded.get(id);
    const entry = found ?? { loading: load(this.native, this.queue, id, path), users: 0, idle: undefined };
    this.#loaded.set(id, entry);
    clearTimeout(entry.idle);
    entry.users += 1;
    if (found === undefined) entry.loading.catch(() => this.#loaded.delete(id));
    return entry;
  }

  #leave(id: string, entry: Loaded): void {
    entry.users -= 1;
    if (entry.users > 0 || this.#loaded.get(id) !== entry) return;
    entry.idle = setTimeout(() => {
      this.#loaded.delete(id);
      void entry.loading.then((model) => model.unload()).catch(() => undefined); // the engine may have been closed
    }, this.settings.ttl_seconds * 1000).unref();
  }
}

function escaped(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&');
}

async function load(native: NativeEngine, queue: EmbeddingQueue, id: string, path: string): Promise<LoadedEncoder> {
  const checkpoint = await readCheckpoint(path);
  const spec = buildEncoderSpec(checkpoint);
  const [{ tokenizer }, { maxTokens, pooling }, runner] = await Promise.all([
    openTokenizer(path),
    readSentenceSettings(path),
    native.loadEncoder(checkpoint, spec),
  ]);
  const encoder = { runner, pooling };
  return {
    id,
    tokenizer,
    hiddenSize: runner.hiddenSize,
    vocabSize: runner.vocabSize,
    maxTokens: Math.min(spec.contextLength, maxTokens ?? spec.contextLength),
    embed: (inputs, caller) => queue.embed(encoder, inputs, caller),
    unload: () => runner.unload(),
  };
}

export function openEmbedders(native: NativeEngine, { embeddings, engine, scheduler }: Config, decoders: Decoders): Embedders {
  const { retry_after_seconds: retryAfterSeconds } = engine;
  const maxRetryAfterSeconds = Math.max(retryAfterSeconds, scheduler.max_retry_after_seconds);
  return new Embedders(native, embeddings, decoders, { retryAfterSeconds, maxRetryAfterSeconds });
}

/**
 * Of the memory budget, set aside for the embedding model, whether it is installed yet or not: its weights, and what a slice works in. `left` is
 * what weights and scratch of the chat model leave; where it would be more than an eighth of that, nothing is, and it is loaded only if KV leaves room.
 */
export function embeddingReserveBytes({ model }: Config['embeddings'], left: number): number {
  const bytes = installedModel(model)?.bytes ?? readCatalogue().find(({ name }) => name === model)?.bytes ?? 0;
  const wanted = bytes === 0 ? 0 : bytes + SLICE_BYTES;
  return wanted <= left / 8 ? wanted : 0;
}

const SLICE_BYTES = 33_554_432;
