/** MLX, the addon over it, and what they find on this machine. */
import { existsSync } from 'node:fs';
import { findAddon } from '../../adapters/paths/find-addon.js';
import { SemanticError } from '../../core/domain/errors.js';
import { type Check, missing, ok } from './check.js';

export function checkMlx(): Check {
  const { libraries, fix } = findAddon();
  return existsSync(libraries) ? ok('mlx', libraries) : missing('mlx', `${libraries} is not there`, fix);
}

export async function checkAddon(): Promise<Check> {
  const { path, fix } = findAddon();
  const { loadAddon } = await import('../../adapters/mlx/load-addon.js');
  try {
    const { Engine } = loadAddon();
    const engine = new Engine({ threads: 1, memoryBudgetBytes: 1 << 20, bufferCacheBytes: 0, instructionSet: 'auto' });
    const { mlxVersion, device, instructionSet } = engine.info();
    await engine.close();
    return ok('addon', `${path}: MLX ${mlxVersion}, device ${device}, ${instructionSet} kernels`);
  } catch (error) {
    const hint = error instanceof SemanticError ? error.hint : undefined;
    return missing('addon', (error as Error).message, hint ?? fix);
  }
}
