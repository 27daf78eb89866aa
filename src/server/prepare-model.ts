/** A model from its files to the engine that answers with it. */
import { join } from 'node:path';
import type { TemplateOpener } from '../adapters/chat-template/template-opener.js';
import type { ChatTemplates } from '../adapters/chat-template/template-source.js';
import type { Config } from '../adapters/config/schema.js';
import type { LocatedModel } from '../adapters/hub/locate-model.js';
import type { NativeEngine, NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import { readCheckpoint } from '../adapters/model-files/read-checkpoint.js';
import { fileBytes } from '../adapters/model-files/file-bytes.js';
import { weightsHash } from '../adapters/model-files/weights-hash.js';
import { dataDirectory } from '../adapters/paths/paths.js';
import type { RecordStore } from '../adapters/records/record-store.js';
import type { OpenedTokenizer } from '../adapters/tokenizer/open-tokenizer.js';
import type { OpenedTokenizers } from '../adapters/tokenizer/opened-tokenizers.js';
import { systemTimer } from '../adapters/timer/system-timer.js';
import { answerFormatOf } from '../core/answers/answer-format.js';
import { Answerer } from '../core/answers/answerer.js';
import { EmittedAnswers } from '../core/answers/emitted-answers.js';
import { GrammarCompiler } from '../core/constraints/grammar-compiler.js';
import type { Checkpoint } from '../core/domain/checkpoint.js';
import type { DecoderSpec } from '../core/domain/decoder-spec.js';
import { fitModel, type MemoryOffer, type ModelNeed } from '../core/domain/fit-model.js';
import { kvLayersOf, ModelCacheSpec } from '../core/domain/model-cache-spec.js';
import { stretchContext } from '../core/domain/stretch-context.js';
import type { TextGenerator } from '../core/domain/request.js';
import { Engine } from '../core/engine/engine.js';
import type { EngineModel } from '../core/engine/engine-parts.js';
import { fingerprintOf } from '../core/engine/fingerprint.js';
import { buildDecoderSpec } from '../core/models/registry.js';
import type { EngineObserver, KvStore } from '../core/ports.js';
import type { PreparedModel, ResidentModel } from '../core/residency/resident-model.js';
import { constraintLimits } from './constraint-limits.js';
import { engineLimits } from './engine-limits.js';
import { assertHoldsOne } from './memory-budget.js';

export interface PrepareOptions {
  readonly settings: Config;
  readonly native: NativeEngine;
  readonly backend: NativeEngineOptions;
  readonly tokenizers: OpenedTokenizers;
  readonly templates: TemplateOpener;
  readonly store: KvStore;
  /** Requests come through here, whichever model they are for. */
  readonly generator: TextGenerator;
  /** Keeps tool calls as they were emitted; null = only as long as the model is in memory. */
  readonly calls: RecordStore | null;
  /** Is told what the engine of each model does. */
  readonly observerOf?: (model: string) => EngineObserver;
  /** Of the model, from what it was trained for. Throws ConfigInvalid. */
  contextLength(trained: number): number;
}

export async function prepareModel({ id: name, path }: LocatedModel, options: PrepareOptions): Promise<PreparedModel> {
  const checkpoint = await readCheckpoint(path);
  const trained = buildDecoderSpec(checkpoint);
  const contextLength = options.contextLength(trained.contextLength);
  const spec = stretchContext(trained, contextLength);
  const files = new ModelFiles(path, checkpoint, spec, options.tokenizers);
  const weightBytes = await fileBytes(checkpoint.files);
  return {
    name,
    weightBytes,
    identity: () => files.fingerprint(''),
    async check(staying) {
      fitModel(needOf(name, weightBytes, files, options), offerOf(staying, options));
      const { chatTemplate } = await files.tokenizer();
      await options.templates.check(chatTemplate);
    },
    load: (kvBytes) => load({ name, contextLength, files, kvBytes }, options),
  };
}

function needOf(id: string, weightBytes: number, { checkpoint, spec }: ModelFiles, { backend }: PrepareOptions): ModelNeed {
  const matrices = [...checkpoint.tensors.values()].filter(({ shape }) => shape.length > 1);
  const parameters = matrices.reduce((sum, { dtype, shape }) => sum + elementsOf(shape) * (dtype === 'U32' ? PACKED_PER_WORD : 1), 0);
  return { id, weightBytes, parameters, cache: new ModelCacheSpec(kvLayersOf(spec), backend.kvFormat) };
}

/** Of a model in 4 bits; for a guess at what it would take in others. */
const PACKED_PER_WORD = 8;

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Models that stay can do with the KV of their shortest sequence. */
function offerOf(staying: readonly ResidentModel[], { backend, settings }: PrepareOptions): MemoryOffer {
  const { scratch_bytes: scratchBytes } = settings.engine;
  const heldBytes = staying.reduce((sum, { engine, weightBytes }) => {
    const { cache } = engine.model;
    return sum + weightBytes + scratchBytes + cache.bytesOf(cache.blocksFor(1));
  }, 0);
  return { budgetBytes: backend.memoryBudgetBytes, heldBytes, scratchBytes };
}

/** What is read of a model's files, each once. */
class ModelFiles {
  #weights: Promise<string> | null = null;
  #tokenizer: Promise<OpenedTokenizer> | null = null;

  constructor(
    readonly path: string,
    readonly checkpoint: Checkpoint,
    readonly spec: DecoderSpec,
    readonly tokenizers: OpenedTokenizers,
  ) {}

  tokenizer(): Promise<OpenedTokenizer> {
    return (this.#tokenizer ??= this.tokenizers.open(this.path));
  }

  async fingerprint(kvLayout: string): Promise<string> {
    this.#weights ??= weightsHash(this.checkpoint.files, join(dataDirectory(), 'model-hashes.json'));
    const { chatTemplate, hash } = await this.tokenizer();
    return fingerprintOf({ weights: await this.#weights, tokenizer: hash, template: chatTemplate, spec: this.spec, kvLayout });
  }
}

interface Wanted {
  readonly name: string;
  readonly contextLength: number;
  readonly files: ModelFiles;
  readonly kvBytes: (weightBytes: number) => number;
}

async function load(
  { name, contextLength, files, kvBytes }: Wanted,
  { settings, native, backend, templates, store, generator, calls, observerOf }: PrepareOptions,
): Promise<ResidentModel> {
  // The weights load on the engine's thread and the template opens on one of its own, while the tokenizer is built and the files are hashed on this one.
  const loading = native.load(files.checkpoint, files.spec);
  const hashing = files.fingerprint('');
  const opening = files.tokenizer().then(({ chatTemplate }) => templates.open(chatTemplate));
  for (const promise of [loading, hashing, opening]) promise.catch(() => undefined); // awaited below; until then a failure is not unhandled
  try {
    const [runner, template, { tokenizer, chatTemplate }] = [await loading, await opening, await files.tokenizer()];
    await hashing;
    const cache = new ModelCacheSpec(kvLayersOf(files.spec), backend.kvFormat);
    const kvBudgetBytes = kvBytes(runner.weightBytes);
    assertHoldsOne(kvBudgetBytes, runner.weightBytes, cache);
    const model: EngineModel = {
      id: name,
      contextLength,
      cache,
      fingerprint: await files.fingerprint(runner.kvLayout),
      runner,
      tokenizer,
      template,
      constraints: new GrammarCompiler(tokenizer, runner.vocabSize, constraintLimits(settings.constraints)),
    };
    const engine = new Engine(model, store, systemTimer, engineLimits(settings, backend.executor, kvBudgetBytes), observerOf?.(name));
    const answerer = answererOf(engine, name, { settings, generator, calls }, chatTemplate.templates);
    return { name, engine, answerer, weightBytes: runner.weightBytes, loadedAt: Date.now() };
  } catch (error) {
    // Whichever of them came into being is let go of.
    await Promise.allSettled([loading.then((runner) => runner.unload()), opening.then((template) => template.close())]);
    throw error;
  }
}

function answererOf(
  engine: Engine,
  name: string,
  { settings, generator, calls }: Pick<PrepareOptions, 'settings' | 'generator' | 'calls'>,
  templates: ChatTemplates | null,
): Answerer {
  const template = templates?.toolUse ?? templates?.default ?? '';
  return new Answerer({
    generator: {
      submit: (request, options) => generator.submit({ ...request, model: name }, options),
      countTokens: (source) => engine.countTokens(source),
    },
    format: answerFormatOf(template),
    knowsTools: /\btools\b/.test(template),
    emitted: new EmittedAnswers({ most: settings.cache.remembered_calls, records: calls, model: engine.model.fingerprint }),
    canonical: settings.canonical,
    contextLength: engine.model.contextLength,
  });
}
