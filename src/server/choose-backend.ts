/** Which executor on which device, with how much memory: settings, and what this machine has. */
import { availableParallelism, totalmem } from 'node:os';
import type { Config } from '../adapters/config/schema.js';
import { NativeEngine, type NativeEngineOptions } from '../adapters/mlx/native-engine.js';
import { SemanticError } from '../core/domain/errors.js';
import { memoryBudgetBytes } from './memory-budget.js';

/** A short-lived engine is asked what this machine has: device and memory decide executor and budget. */
export async function chooseBackend({ model, engine }: Config): Promise<NativeEngineOptions> {
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

export function describeBackend(
  { executor, threads, kvFormat, compute }: NativeEngineOptions,
  info: ReturnType<NativeEngine['info']>,
): string {
  const what = executor === 'cpu' ? `${info.instructionSet}, ${threads} threads, ${compute}` : `device ${info.device}`;
  return `${what}, KV in ${kvFormat}, MLX ${info.mlxVersion}`;
}
