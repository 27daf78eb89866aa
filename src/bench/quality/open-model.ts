/** A model loaded into this process, without the daemon around it. */
import { totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { NativeEngine, type NativeEngineOptions } from '../../adapters/mlx/native-engine.js';
import type { NativeRunner } from '../../adapters/mlx/native-runner.js';
import { readCheckpoint } from '../../adapters/model-files/read-checkpoint.js';
import type { DecoderSpec } from '../../core/domain/decoder-spec.js';
import { buildDecoderSpec } from '../../core/models/registry.js';

export interface OursOptions extends Pick<NativeEngineOptions, 'threads' | 'executor' | 'kvFormat' | 'compute'> {
  /** Path of the model. */
  readonly model: string;
  /** Count where the time of steps goes. */
  readonly profile?: boolean;
}

export interface OpenedModel {
  readonly spec: DecoderSpec;
  readonly native: NativeEngine;
  readonly runner: NativeRunner;
  readonly loadMillis: number;
}

/** Loads a model as the daemon does; `loadMillis` covers reading the header, building the spec and loading the weights. */
export async function openModel(options: OursOptions): Promise<OpenedModel> {
  const { model, threads, executor, kvFormat, compute, profile = false } = options;
  const native = new NativeEngine({
    executor,
    kvFormat,
    compute,
    threads,
    instructionSet: 'auto',
    memoryBudgetBytes: totalmem(),
    bufferCacheBytes: 64 << 20,
    profile,
  });
  const start = performance.now();
  const checkpoint = await readCheckpoint(model);
  const spec = buildDecoderSpec(checkpoint);
  const runner = await native.load(checkpoint, spec);
  return { native, runner, spec, loadMillis: performance.now() - start };
}
