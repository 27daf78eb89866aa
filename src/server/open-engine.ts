/** Composition: settings -> a loaded model behind an engine. The daemon and the commands that run in process both start here. */
import { availableParallelism, totalmem } from 'node:os';
import { createChatTemplate } from '../adapters/chat-template/create-chat-template.js';
import type { Config } from '../adapters/config/schema.js';
import { locateModel } from '../adapters/hub/locate-model.js';
import { NativeEngine, type NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import { readCheckpoint } from '../adapters/model-files/read-checkpoint.js';
import { openTokenizer } from '../adapters/tokenizer/open-tokenizer.js';
import { SemanticError } from '../core/domain/errors.js';
import { ModelCacheSpec } from '../core/domain/model-cache-spec.js';
import { Engine, type EngineLimits } from '../core/engine/engine.js';
import type { ChatTemplate } from '../core/ports.js';
import { buildDecoderSpec } from '../core/models/registry.js';
import { kvBudgetBytes, kvTokens, memoryBudgetBytes } from './memory-budget.js';
import { windowSlack } from './window-slack.js';

export interface OpenedEngine {
  readonly engine: Engine;
  readonly backend: { readonly executor: NativeEngineOptions['executor']; readonly detail: string };
  readonly weightBytes: number;
  readonly memory: { readonly budgetBytes: number; readonly kvBudgetBytes: number; readonly kvBudgetTokens: number };
  stats(): ReturnType<NativeEngine['stats']>;
  /** Ends running answers, frees the model and stops the engine's thread. */
  close(): Promise<void>;
}

export async function openEngine(settings: Config): Promise<OpenedEngine> {
  const located = locateModel(settings.model.default);
  const checkpoint = await readCheckpoint(located.path);
  const spec = buildDecoderSpec(checkpoint);
  const contextLength = chooseContext(settings.model.context, spec.contextLength);
  const options = await chooseBackend(settings);
  const native = new NativeEngine(options);
  let template: ChatTemplate | null = null;
  try {
    // The weights load on the engine's thread while the tokenizer is built on this one.
    const loading = native.load(checkpoint, spec);
    loading.catch(() => undefined); // awaited below; until then a failure is not unhandled
    const { tokenizer, chatTemplate } = await openTokenizer(located.path);
    template = await createChatTemplate(chatTemplate, settings.template.timeout_ms);
    const runner = await loading;
    const cache = new ModelCacheSpec(
      spec.layers.map(({ attention }) => attention),
      options.kvFormat,
    );
    const kvBytes = kvBudgetBytes(options.memoryBudgetBytes, settings.engine, runner.weightBytes, cache);
    const engine = new Engine(
      { id: located.id, contextLength, cache, runner, tokenizer, template },
      engineLimits(settings, options.executor, kvBytes),
    );
    const budget = { budgetBytes: options.memoryBudgetBytes, kvBudgetBytes: kvBytes };
    return {
      engine,
      backend: { executor: options.executor, detail: describe(options, native.info()) },
      weightBytes: runner.weightBytes,
      memory: { ...budget, kvBudgetTokens: kvTokens(kvBytes, cache, contextLength) },
      stats: () => native.stats(),
      async close() {
        try {
          await engine.close();
        } finally {
          await native.close();
        }
      },
    };
  } catch (error) {
    await template?.close();
    await native.close();
    throw error;
  }
}

function chooseContext(wanted: number, trained: number): number {
  if (wanted <= trained) return wanted === 0 ? trained : wanted;
  throw new SemanticError('ConfigInvalid', `[config] model.context = ${wanted}, the model was trained for ${trained} tokens`, {
    param: 'model.context',
    hint: `Choose 0 (all) or at most ${trained}.`,
  });
}

/** A short-lived engine is asked what this machine has: device and memory decide executor and budget. */
async function chooseBackend({ model, engine }: Config): Promise<NativeEngineOptions> {
  const options = {
    threads: model.threads === 0 ? availableParallelism() : model.threads,
    bufferCacheBytes: engine.buffer_cache_bytes,
    instructionSet: engine.instruction_set,
    kvFormat: model.kv_format,
  };
  const probe = new NativeEngine({ ...options, executor: 'cpu', memoryBudgetBytes: totalmem() });
  const { device, deviceMemoryBytes } = probe.info();
  await probe.close();
  const onDevice = device === 'cpu' ? 'cpu' : 'mlx';
  const executor = model.executor === 'auto' ? onDevice : model.executor;
  return { ...options, executor, memoryBudgetBytes: memoryBudgetBytes(engine, deviceMemoryBytes) };
}

function engineLimits({ engine, session_cache: cache }: Config, executor: NativeEngineOptions['executor'], kvBytes: number): EngineLimits {
  const slack = windowSlack(executor, engine.prefill_chunk_tokens);
  return {
    maxBatchSequences: engine.max_batch_sequences,
    maxQueue: engine.max_queue,
    prefillChunkTokens: engine.prefill_chunk_tokens,
    kvBudgetBytes: kvBytes,
    windowSlackTokens: slack.running,
    retryAfterSeconds: engine.retry_after_seconds,
    streamBufferEvents: engine.stream_buffer_events,
    retention: {
      maxSequences: cache.max_sequences,
      maxBytes: cache.max_bytes,
      windowSlackTokens: slack.atRest,
      minReuseShare: cache.min_reuse_share,
      toolWaitBonus: cache.tool_wait_bonus,
    },
  };
}

function describe({ executor, threads, kvFormat }: NativeEngineOptions, info: ReturnType<NativeEngine['info']>): string {
  const what = executor === 'cpu' ? `${info.instructionSet}, ${threads} threads` : `device ${info.device}`;
  return `${what}, KV in ${kvFormat}, MLX ${info.mlxVersion}`;
}
