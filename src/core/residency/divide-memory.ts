/** The KV of the models in memory: all have the same share of what weights and scratch leave. */
import { SemanticError } from '../domain/errors.js';
import type { ResidentModel } from './resident-model.js';

/**
 * Each may use `bytes` from now on; what they keep beyond makes way. Throws OutOfMemory where running answers or pinned agents hold more, and then
 * those before it have less until memory is divided again.
 */
export async function divideMemory(models: readonly ResidentModel[], bytes: number): Promise<void> {
  for (const { name, engine } of models) {
    await engine.kept.setBudget(bytes).catch((error: unknown) => {
      if (!(error instanceof SemanticError) || error.code !== 'PoolExhausted') throw error;
      throw new SemanticError('OutOfMemory', `[models] the KV of ${name} would have to do with ${bytes} bytes: ${error.message}`, {
        cause: error,
        hint: 'Wait until running requests have ended, unpin agents, or raise engine.memory_budget_bytes.',
      });
    });
  }
}
