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

/** Bytes of KV for each of the models with these weights, beside all weights and the scratch of each. Throws OutOfMemory when nothing is left. */
export function kvShareBytes(budgetBytes: number, settings: BudgetSettings, weightBytes: readonly number[]): number {
  const weights = weightBytes.reduce((sum, bytes) => sum + bytes, 0);
  const left = budgetBytes - weights - weightBytes.length * settings.scratch_bytes;
  if (left > 0) return Math.floor(left / weightBytes.length);
  throw noRoom(
    `a budget of ${budgetBytes} bytes leaves no room for KV beside ${weights} bytes of weights and ${settings.scratch_bytes} of scratch`,
  );
}

/** Throws OutOfMemory where `kvBytes` do not hold the shortest sequence. */
export function assertHoldsOne(kvBytes: number, weightBytes: number, cache: ModelCacheSpec): void {
  const least = cache.bytesOf(cache.blocksFor(1));
  if (kvBytes >= least) return;
  throw noRoom(`${kvBytes} bytes of KV are left beside ${weightBytes} bytes of weights, the shortest sequence takes ${least}`);
}

function noRoom(what: string): SemanticError {
  return new SemanticError('OutOfMemory', `[server] ${what}`, {
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
