/** How much memory the engine may take, and how much of it that leaves for KV. */
import { totalmem } from 'node:os';
import { SemanticError } from '../core/domain/errors.js';
import { BLOCK_TOKENS, type ModelCacheSpec } from '../core/domain/model-cache-spec.js';

export interface BudgetSettings {
  /** 0 = the fraction counts. */
  readonly memory_budget_bytes: number;
  readonly memory_budget_fraction: number;
  readonly scratch_bytes: number;
}

/** `deviceMemoryBytes` is what the backend says it can use, 0 where it does not know. */
export function memoryBudgetBytes(settings: BudgetSettings, deviceMemoryBytes: number): number {
  if (settings.memory_budget_bytes > 0) return settings.memory_budget_bytes;
  const available = deviceMemoryBytes > 0 ? deviceMemoryBytes : machineMemoryBytes();
  return Math.floor(available * settings.memory_budget_fraction);
}

/** Bytes of KV beside weights and scratch. Throws OutOfMemory when they do not hold the shortest sequence. */
export function kvBudgetBytes(budgetBytes: number, settings: BudgetSettings, weightBytes: number, cache: ModelCacheSpec): number {
  const bytes = budgetBytes - weightBytes - settings.scratch_bytes;
  if (bytes >= cache.bytesOf(cache.blocksFor(1))) return bytes;
  const figures = `${weightBytes} bytes of weights and ${settings.scratch_bytes} of scratch`;
  throw new SemanticError('OutOfMemory', `[server] a budget of ${budgetBytes} bytes leaves no room for KV beside ${figures}`, {
    hint: 'Raise engine.memory_budget_bytes or engine.memory_budget_fraction, or choose a smaller model.',
  });
}

/** How many tokens, in sequences of the whole context, `bytes` of KV hold; windowed layers make a long one cheaper. */
export function kvTokens(bytes: number, cache: ModelCacheSpec, contextLength: number): number {
  const blocks = Math.ceil(contextLength / BLOCK_TOKENS);
  return Math.floor((bytes * blocks) / cache.bytesOf(cache.blocksFor(contextLength))) * BLOCK_TOKENS;
}

/** What this process may use: the machine's memory, or its container's. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
