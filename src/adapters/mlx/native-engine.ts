/** The native engine of this process: one thread, one memory budget, and the models loaded into it. */
import { existsSync } from 'node:fs';
import type { BackendInfo, Compute, EngineOptions, EngineStats, ExecutorKind, KvFormat } from '../../../native/index.js';
import type { Checkpoint } from '../../core/domain/checkpoint.js';
import type { DecoderSpec } from '../../core/domain/decoder-spec.js';
import type { EncoderSpec } from '../../core/domain/encoder-spec.js';
import { SemanticError } from '../../core/domain/errors.js';
import { StepWatch } from '../../core/embedding/step-watch.js';
import type { RunnerLoader } from '../../core/ports.js';
import { loadAddon, type NativeAddon } from './load-addon.js';
import { crossing, toSemanticError } from './native-errors.js';
import { NativeEncoder } from './native-encoder.js';
import { NativeRunner } from './native-runner.js';

export interface NativeEngineOptions extends EngineOptions {
  /** How models loaded by this engine are run. */
  readonly executor: ExecutorKind;
  readonly kvFormat: KvFormat;
  readonly compute: Compute;
}

export class NativeEngine implements RunnerLoader {
  /** Those of every model here. */
  readonly steps = new StepWatch();
  private readonly engine: InstanceType<NativeAddon['Engine']>;

  /** Throws PrerequisiteMissing without the addon, InvalidRequest for options it refuses. */
  constructor(private readonly options: NativeEngineOptions) {
    const { Engine } = loadAddon();
    const { executor: _executor, kvFormat: _kvFormat, compute: _compute, ...engineOptions } = options;
    try {
      this.engine = new Engine(engineOptions);
    } catch (error) {
      throw toSemanticError(error, 'user');
    }
  }

  info(): BackendInfo {
    return this.engine.info();
  }

  stats(): EngineStats {
    return this.engine.stats();
  }

  /** Throws ModelFileMissing, ModelFileCorrupt, OutOfMemory (nothing was allocated), or EngineFailed. */
  async load(checkpoint: Checkpoint, spec: DecoderSpec): Promise<NativeRunner> {
    const { executor, kvFormat, compute } = this.options;
    const { files } = checkpoint;
    const loaded = await reading(files, () => this.engine.loadModel({ spec, files, executor, kvFormat, compute }));
    return new NativeRunner(this.engine, loaded, spec, this.steps);
  }

  /** As `load`. */
  async loadEncoder(checkpoint: Checkpoint, spec: EncoderSpec): Promise<NativeEncoder> {
    const { files } = checkpoint;
    const loaded = await reading(files, () => this.engine.loadEncoder({ spec, files, executor: this.options.executor }));
    return new NativeEncoder(this.engine, loaded, spec);
  }

  /** XXH64 of bytes of a file, on a thread beside the engine's; CachePersistence where they are not all there. */
  checksumFile(fd: number, offset: number, bytes: number, seed: bigint): Promise<bigint> {
    return crossing('us', () => this.engine.checksumFile(fd, offset, bytes, seed));
  }

  /** Ends the engine's thread after the command in progress. */
  async close(): Promise<void> {
    await crossing('us', () => this.engine.close());
  }
}

/** A file that is gone by now was removed, not damaged. */
async function reading<T>(files: readonly string[], command: () => Promise<T>): Promise<T> {
  try {
    return await crossing('us', command);
  } catch (error) {
    const gone = (error as Partial<SemanticError>).code === 'ModelFileCorrupt' ? files.find((file) => !existsSync(file)) : undefined;
    if (gone === undefined) throw error;
    throw new SemanticError('ModelFileMissing', `[mlx.load] there is no ${gone} any more`, { cause: error });
  }
}
