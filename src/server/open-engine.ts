/** Composition: settings -> models behind engines. The daemon and the commands that run in process both start here. */
import type { Config } from '../adapters/config/schema.js';
import { TemplateOpener } from '../adapters/chat-template/template-opener.js';
import { locateModel, whileThere } from '../adapters/hub/locate-model.js';
import { noStore } from '../adapters/kv-store/no-store.js';
import { collectGarbage } from '../adapters/memory/collect-garbage.js';
import { NativeEngine, type NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import type { RecordStore } from '../adapters/records/record-store.js';
import { OpenedTokenizers } from '../adapters/tokenizer/opened-tokenizers.js';
import { systemTimer } from '../adapters/timer/system-timer.js';
import { SemanticError } from '../core/domain/errors.js';
import { Agents } from '../core/engine/agents.js';
import { CacheControl } from '../core/engine/cache-control.js';
import type { Engine } from '../core/engine/engine.js';
import { ResidentEngines } from '../core/engine/resident-engines.js';
import type { SchedulerLimits } from '../core/engine/scheduler-limits.js';
import type { ChecksumFile, EngineObserver, KvStore } from '../core/ports.js';
import { ModelResidency, type ResidencyOptions } from '../core/residency/model-residency.js';
import type { ModelNames, ModelUseLog, ResidentModel } from '../core/residency/resident-model.js';
import { chooseBackend, describeBackend } from './choose-backend.js';
import { agentLimits } from './engine-limits.js';
import { kvShareBytes, kvTokens } from './memory-budget.js';
import type { LoadingProgress } from './doors/starting.js';
import { embeddingReserveBytes, type Embedders, openEmbedders } from './open-embedder.js';
import { type PrepareOptions, prepareModel } from './prepare-model.js';

export interface OpenedEngine {
  /** Of the current model. Throws ModelUnavailable while there is none. */
  readonly engine: Engine;
  readonly models: ModelResidency;
  readonly agents: Agents;
  readonly cache: CacheControl;
  readonly store: KvStore;
  readonly embedders: Embedders;
  readonly backend: { readonly executor: NativeEngineOptions['executor']; readonly detail: string };
  /** Of the model it was opened with. */
  readonly weightBytes: number;
  readonly memory: { readonly budgetBytes: number; readonly kvBudgetBytes: number; readonly kvBudgetTokens: number };
  stats(): ReturnType<NativeEngine['stats']>;
  /** Of the engines of all models, those to come included. Throws InvalidRequest. */
  setLimits(change: Partial<SchedulerLimits>): void;
  /** Ends running answers, finishes what is being stored, frees the models and stops the engine's thread. */
  close(): Promise<void>;
}

/** Opens KV on disk; who runs an engine of its own for a moment has none. */
export type OpenStore = (checksumFile: ChecksumFile) => Promise<KvStore>;

/** Names of the models that requests may ask for; `resident` are those in memory, the current one first. */
export type OpenNames = (resident: () => readonly string[]) => ModelNames;

export interface EngineSurroundings {
  readonly openStore?: OpenStore;
  readonly openNames?: OpenNames;
  /** Keeps tool calls as they were emitted; null = only as long as their model is in memory. */
  readonly calls?: RecordStore | null;
  readonly use?: ModelUseLog;
  readonly log?: (message: string) => void;
  /** Told which part of opening begins. */
  readonly phase?: (phase: string, loading?: LoadingProgress) => void;
  /** Is told what the engine of each model does. */
  readonly observerOf?: (model: string) => EngineObserver;
  readonly exchanged?: ResidencyOptions['exchanged'];
}

export async function openEngine(settings: Config, surroundings: EngineSurroundings = {}): Promise<OpenedEngine> {
  const {
    openStore = () => Promise.resolve(noStore()),
    openNames = onlyTheirOwn,
    calls = null,
    use,
    log = () => undefined,
    phase = () => undefined,
    observerOf,
    exchanged,
  } = surroundings;
  const first = locateModel(settings.model.default);
  const backend = await chooseBackend(settings);
  const native = new NativeEngine(backend);
  const engines = new ResidentEngines();
  let store: KvStore | null = null;
  let models: ModelResidency | null = null;
  try {
    phase('opening KV on disk');
    store = await openStore((fd, offset, bytes, seed) => native.checksumFile(fd, offset, bytes, seed));
    const opened = store;
    const forget = async (owner: string): Promise<void> => calls?.removeScope(owner);
    const agents = new Agents(engines, opened, { now: () => Date.now() }, { ...agentLimits(settings), log, forget });
    const preparing: Omit<PrepareOptions, 'contextLength'> = {
      settings,
      native,
      backend,
      tokenizers: new OpenedTokenizers(),
      templates: new TemplateOpener(settings.template.timeout_ms),
      store: opened,
      generator: agents.wire,
      calls,
      ...(observerOf === undefined ? {} : { observerOf }),
    };
    const residency: ModelResidency = new ModelResidency(first.id, {
      loader: {
        prepare: async (name) =>
          whileThere(name === first.id ? first : locateModel(name), (located) =>
            prepareModel(located, {
              ...preparing,
              contextLength: (trained) =>
                located === first ? chooseContext(settings.model, trained, log) : lesserContext(settings.model.context, trained),
            }),
          ),
        kvShare: (weights) => kvShare(weights, backend.memoryBudgetBytes, settings),
        memory: () => native.stats(),
      },
      names: openNames(() => [residency.currentName, ...residency.list().map(({ name }) => name)]),
      engines,
      agents,
      timer: systemTimer,
      released: collectGarbage,
      limits: residencyLimits(settings),
      ...(use === undefined ? {} : { use }),
      ...(exchanged === undefined ? {} : { exchanged }),
      log,
    });
    models = residency;
    phase(`loading ${first.id}`, () => {
      const { loadedBytes, loadingBytes: totalBytes } = native.stats();
      return totalBytes === 0 ? null : { loadedBytes, totalBytes };
    });
    const model = await residency.start();
    const sweepAll = async (): Promise<void> => {
      await agents.sweep();
      await residency.sweep();
    };
    const sweep = setInterval(() => {
      sweepAll().catch((error: unknown) => log(`[models] a sweep failed: ${String(error)}`));
    }, settings.agents.sweep_seconds * 1000).unref();
    return {
      get engine() {
        return engines.get(undefined);
      },
      models: residency,
      agents,
      cache: new CacheControl(engines, agents, opened),
      store: opened,
      embedders: openEmbedders(native, settings, residency),
      backend: { executor: backend.executor, detail: describeBackend(backend, native.info()) },
      weightBytes: model.weightBytes,
      memory: memoryOf(model, backend.memoryBudgetBytes),
      stats: () => native.stats(),
      setLimits: (change) => engines.setLimits(change),
      async close() {
        clearInterval(sweep);
        try {
          await residency.close();
          await agents.saveRest();
          await opened.close();
        } finally {
          await native.close();
        }
      },
    };
  } catch (error) {
    await models?.close();
    await store?.close();
    await native.close();
    throw error;
  }
}

function onlyTheirOwn(): ModelNames {
  return { resolve: (wanted) => wanted };
}

function memoryOf({ engine }: ResidentModel, budgetBytes: number): OpenedEngine['memory'] {
  const { cache, contextLength } = engine.model;
  const { totalBytes } = engine.kv.pool.counts();
  return { budgetBytes, kvBudgetBytes: totalBytes, kvBudgetTokens: kvTokens(totalBytes, cache, contextLength) };
}

function residencyLimits({ engine, models }: Config): ConstructorParameters<typeof ModelResidency>[1]['limits'] {
  return {
    maxResident: models.max_resident,
    autoload: models.autoload,
    ttlMs: models.ttl_seconds * 1000,
    drainMs: models.drain_seconds * 1000,
    maxWaiting: models.max_waiting,
    waitMs: models.wait_seconds * 1000,
    retryAfterSeconds: engine.retry_after_seconds,
  };
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

/** What the embedding model will want is not given away. */
function kvShare(weights: readonly number[], budgetBytes: number, { engine, embeddings }: Config): number {
  const left = weights.reduce((rest, bytes) => rest - bytes - engine.scratch_bytes, budgetBytes);
  return kvShareBytes(budgetBytes - embeddingReserveBytes(embeddings, left), engine, weights);
}

/** The setting is meant for the model that the daemon starts with: another one has what it can of it. */
function lesserContext(wanted: number, trained: number): number {
  return wanted === 0 ? trained : Math.min(wanted, trained);
}
