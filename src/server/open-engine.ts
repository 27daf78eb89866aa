/** Composition: settings -> a loaded model behind an engine. The daemon and the commands that run in process both start here. */
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { createChatTemplate } from '../adapters/chat-template/create-chat-template.js';
import type { ChatTemplates } from '../adapters/chat-template/template-source.js';
import type { Config } from '../adapters/config/schema.js';
import { locateModel } from '../adapters/hub/locate-model.js';
import { noStore } from '../adapters/kv-store/no-store.js';
import { NativeEngine, type NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import { readCheckpoint } from '../adapters/model-files/read-checkpoint.js';
import { weightsHash } from '../adapters/model-files/weights-hash.js';
import { dataDirectory } from '../adapters/paths/paths.js';
import type { RecordStore } from '../adapters/records/record-store.js';
import { openTokenizer } from '../adapters/tokenizer/open-tokenizer.js';
import { systemTimer } from '../adapters/timer/system-timer.js';
import { answerFormatOf } from '../core/answers/answer-format.js';
import { Answerer } from '../core/answers/answerer.js';
import type { CanonicalRules } from '../core/answers/canonical-rules.js';
import { EmittedAnswers } from '../core/answers/emitted-answers.js';
import { GrammarCompiler } from '../core/constraints/grammar-compiler.js';
import { SemanticError } from '../core/domain/errors.js';
import { kvLayersOf, ModelCacheSpec } from '../core/domain/model-cache-spec.js';
import { stretchContext } from '../core/domain/stretch-context.js';
import { fingerprintOf } from '../core/engine/fingerprint.js';
import { Agents } from '../core/engine/agents.js';
import { CacheControl } from '../core/engine/cache-control.js';
import { Engine } from '../core/engine/engine.js';
import type { EngineLimits } from '../core/engine/engine-parts.js';
import type { WireAgents } from '../core/engine/wire-agents.js';
import type { ChatTemplate, ChecksumFile, KvStore } from '../core/ports.js';
import { buildDecoderSpec } from '../core/models/registry.js';
import { constraintLimits } from './constraint-limits.js';
import { kvBudgetBytes, kvTokens, memoryBudgetBytes } from './memory-budget.js';
import { embeddingReserveBytes, type Embedders, openEmbedders } from './open-embedder.js';
import { windowSlack } from './window-slack.js';

export interface OpenedEngine {
  readonly engine: Engine;
  readonly answerer: Answerer;
  readonly agents: Agents;
  readonly cache: CacheControl;
  readonly store: KvStore;
  readonly embedders: Embedders;
  readonly backend: { readonly executor: NativeEngineOptions['executor']; readonly detail: string };
  readonly weightBytes: number;
  readonly memory: { readonly budgetBytes: number; readonly kvBudgetBytes: number; readonly kvBudgetTokens: number };
  stats(): ReturnType<NativeEngine['stats']>;
  /** Ends running answers, finishes what is being stored, frees the model and stops the engine's thread. */
  close(): Promise<void>;
}

/** Opens KV on disk; who runs an engine of its own for a moment has none. */
export type OpenStore = (checksumFile: ChecksumFile) => Promise<KvStore>;

export async function openEngine(
  settings: Config,
  openStore: OpenStore = () => Promise.resolve(noStore()),
  log: (message: string) => void = () => undefined,
  calls: RecordStore | null = null,
): Promise<OpenedEngine> {
  const located = locateModel(settings.model.default);
  const checkpoint = await readCheckpoint(located.path);
  const trained = buildDecoderSpec(checkpoint);
  const contextLength = chooseContext(settings.model, trained.contextLength, log);
  const spec = stretchContext(trained, contextLength);
  const options = await chooseBackend(settings);
  const native = new NativeEngine(options);
  let template: ChatTemplate | null = null;
  let store: KvStore | null = null;
  try {
    // The weights load on the engine's thread while the tokenizer is built on this one.
    const loading = native.load(checkpoint, spec);
    const weights = weightsHash(checkpoint.files, join(dataDirectory(), 'model-hashes.json'));
    for (const promise of [loading, weights]) promise.catch(() => undefined); // awaited below; until then a failure is not unhandled
    const { tokenizer, chatTemplate, hash: tokenizerHash } = await openTokenizer(located.path);
    template = await createChatTemplate(chatTemplate, settings.template.timeout_ms);
    const runner = await loading;
    const cache = new ModelCacheSpec(kvLayersOf(spec), options.kvFormat);
    const left = options.memoryBudgetBytes - runner.weightBytes - settings.engine.scratch_bytes;
    const reserve = embeddingReserveBytes(settings.embeddings, left);
    const kvBytes = kvBudgetBytes(options.memoryBudgetBytes - reserve, settings.engine, runner.weightBytes, cache);
    const fingerprint = fingerprintOf({
      weights: await weights,
      tokenizer: tokenizerHash,
      template: chatTemplate,
      spec,
      kvLayout: runner.kvLayout,
    });
    const opened = (store = await openStore((fd, offset, bytes, seed) => runner.checksumFile(fd, offset, bytes, seed)));
    const engine = new Engine(
      {
        id: located.id,
        contextLength,
        cache,
        fingerprint,
        runner,
        tokenizer,
        template,
        constraints: new GrammarCompiler(tokenizer, runner.vocabSize, constraintLimits(settings.constraints)),
      },
      opened,
      systemTimer,
      engineLimits(settings, options.executor, kvBytes),
    );
    const forget = async (owner: string): Promise<void> => calls?.removeScope(owner);
    const agents = new Agents(engine, opened, { now: () => Date.now() }, { ...agentLimits(settings), log, forget });
    const emitted = new EmittedAnswers({ most: settings.cache.remembered_calls, records: calls, model: fingerprint });
    const sweep = setInterval(() => void agents.sweep(), settings.agents.sweep_seconds * 1000).unref();
    const budget = { budgetBytes: options.memoryBudgetBytes, kvBudgetBytes: kvBytes };
    return {
      engine,
      answerer: answererOf(agents.wire, emitted, settings.canonical, contextLength, chatTemplate.templates),
      agents,
      cache: new CacheControl(engine, agents, opened),
      store: opened,
      embedders: openEmbedders(native, settings),
      backend: { executor: options.executor, detail: describe(options, native.info()) },
      weightBytes: runner.weightBytes,
      memory: { ...budget, kvBudgetTokens: kvTokens(kvBytes, cache, contextLength) },
      stats: () => native.stats(),
      async close() {
        clearInterval(sweep);
        try {
          await engine.close();
          await agents.saveRest();
          await opened.close();
        } finally {
          await native.close();
        }
      },
    };
  } catch (error) {
    await template?.close();
    await store?.close();
    await native.close();
    throw error;
  }
}

function answererOf(
  generator: WireAgents,
  emitted: EmittedAnswers,
  canonical: CanonicalRules,
  contextLength: number,
  templates: ChatTemplates | null,
): Answerer {
  const template = templates?.toolUse ?? templates?.default ?? '';
  return new Answerer({
    generator,
    format: answerFormatOf(template),
    knowsTools: /\btools\b/.test(template),
    emitted,
    canonical,
    contextLength,
  });
}

function chooseContext(
  { context: wanted, beyond_training: isAllowed }: Config['model'],
  trained: number,
  log: (message: string) => void,
): number {
  if (wanted <= trained) return wanted === 0 ? trained : wanted;
  const what = `[config] model.context = ${wanted}, the model was trained for ${trained} tokens`;
  if (isAllowed) {
    log(`${what}: its positions are stretched, and what it says is worse for it (model.beyond_training)`);
    return wanted;
  }
  throw new SemanticError('ConfigInvalid', what, {
    param: 'model.context',
    hint: `Choose 0 (all) or at most ${trained}, or set model.beyond_training = true, which stretches its positions.`,
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
  const probe = new NativeEngine({ ...options, executor: 'cpu', compute: 'exact', memoryBudgetBytes: totalmem() });
  const { device, deviceMemoryBytes } = probe.info();
  await probe.close();
  const onDevice = device === 'cpu' ? 'cpu' : 'mlx';
  const executor = model.executor === 'auto' ? onDevice : model.executor;
  return {
    ...options,
    executor,
    compute: chooseCompute(model.compute, executor),
    memoryBudgetBytes: memoryBudgetBytes(engine, deviceMemoryBytes),
  };
}

/** `auto`: the fastest that stays within 1e-3 nats of exact (docs/benchmarks/compute.md). */
function chooseCompute(wanted: Config['model']['compute'], executor: NativeEngineOptions['executor']): NativeEngineOptions['compute'] {
  if (wanted === 'auto') return executor === 'cpu' ? 'int8' : 'exact';
  if (wanted === 'exact' || executor === 'cpu') return wanted;
  throw new SemanticError('ConfigInvalid', `[config] model.compute = ${wanted} wants the cpu executor, this one is ${executor}`, {
    param: 'model.compute',
    hint: 'Choose auto or exact, or set model.executor = "cpu".',
  });
}

function engineLimits(
  { engine, cache, scheduler, store }: Config,
  executor: NativeEngineOptions['executor'],
  kvBytes: number,
): EngineLimits {
  const slack = windowSlack(executor, engine.prefill_chunk_tokens);
  return {
    scheduler: {
      batchWindowMs: scheduler.batch_window_ms,
      maxBatchSequences: engine.max_batch_sequences,
      maxQueue: engine.max_queue,
      maxQueuePerKey: scheduler.max_queue_per_key,
      maxRunningPerKey: scheduler.max_running_per_key,
      maxQueueMs: scheduler.max_queue_seconds * 1000,
      retryAfterSeconds: engine.retry_after_seconds,
      maxRetryAfterSeconds: Math.max(engine.retry_after_seconds, scheduler.max_retry_after_seconds),
      minPrefillTokens: Math.min(scheduler.min_prefill_tokens, engine.prefill_chunk_tokens),
      maxPrefillTokens: engine.prefill_chunk_tokens,
      decodeShare: scheduler.decode_share,
      stepGapMs: scheduler.step_gap_ms,
      ageingMs: scheduler.ageing_seconds * 1000,
      reserveTokens: scheduler.reserve_tokens,
      minSharedPrefillTokens: scheduler.min_shared_prefill_tokens,
    },
    kvBudgetBytes: kvBytes,
    windowSlackTokens: slack.running,
    streamBufferEvents: engine.stream_buffer_events,
    maxHistories: cache.max_histories,
    restorePointTokens: cache.restore_point_tokens,
    parking: {
      extentBytes: store.extent_mb * MB,
      minPersistTokens: cache.min_persist_tokens,
      minRestoreTokens: cache.min_restore_tokens,
      shareAcrossKeys: cache.share_across_keys,
    },
    retention: {
      maxSequences: cache.max_agents_in_memory,
      maxBytes: cache.budget_mb * MB,
      windowSlackTokens: slack.atRest,
      minReuseShare: cache.min_reuse_share,
      toolWaitBonus: cache.tool_wait_bonus,
      restorePoints: cache.restore_points,
    },
  };
}

function agentLimits({ agents }: Config): ConstructorParameters<typeof Agents>[3] {
  const ttlSeconds = agents.ttl_seconds === 0 ? null : agents.ttl_seconds;
  return {
    maxAgents: agents.max,
    policy: { persist: agents.persist, ttlSeconds, pinned: false, maxTokens: null },
    busy: agents.busy,
    wireTtlSeconds: agents.wire_ttl_seconds === 0 ? null : agents.wire_ttl_seconds,
  };
}

const MB = 2 ** 20;

function describe({ executor, threads, kvFormat, compute }: NativeEngineOptions, info: ReturnType<NativeEngine['info']>): string {
  const what = executor === 'cpu' ? `${info.instructionSet}, ${threads} threads, ${compute}` : `device ${info.device}`;
  return `${what}, KV in ${kvFormat}, MLX ${info.mlxVersion}`;
}
