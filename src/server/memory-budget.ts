/** How much memory the engine may take, and how many tokens of KV that leaves. */
import { totalmem } from 'node:os';
import { SemanticError } from '../core/domain/errors.js';

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

/** KV tokens that fit beside weights and scratch. Throws OutOfMemory when that is less than one block. */
export function kvBudgetTokens(
  budgetBytes: number,
  settings: BudgetSettings,
  model: { readonly weightBytes: number; readonly kvBytesPerToken: number },
  blockTokens: number,
): number {
  const bytes = budgetBytes - model.weightBytes - settings.scratch_bytes;
  const tokens = Math.floor(bytes / model.kvBytesPerToken);
  if (tokens >= blockTokens) return tokens;
  const figures = `${model.weightBytes} bytes of weights and ${settings.scratch_bytes} of scratch`;
  throw new SemanticError('OutOfMemory', `[server] a budget of ${budgetBytes} bytes leaves no room for KV beside ${figures}`, {
    hint: 'Raise engine.memory_budget_bytes or engine.memory_budget_fraction, or choose a smaller model.',
  });
}

/** What this process may use: the machine's memory, or its container's. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
