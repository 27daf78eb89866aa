/** MLX, the addon over it, and what they find on this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageDirectory } from '../../adapters/paths/paths.js';
import { SemanticError } from '../../core/domain/errors.js';
import { type Check, missing, ok } from './check.js';

const FIX = 'Run npm start in the package: it fetches MLX and builds the addon.';

export function checkMlx(): Check {
  const folder = join(packageDirectory(), 'native', 'deps', 'mlx');
  return existsSync(folder) ? ok('mlx', folder) : missing('mlx', `${folder} is not there`, FIX);
}

export async function checkAddon(): Promise<Check> {
  const { ADDON_PATH, loadAddon } = await import('../../adapters/mlx/load-addon.js');
  try {
    const { Engine } = loadAddon();
    const engine = new Engine({ threads: 1, memoryBudgetBytes: 1 << 20, bufferCacheBytes: 0, instructionSet: 'auto' });
    const { mlxVersion, device, instructionSet } = engine.info();
    await engine.close();
    return ok('addon', `${ADDON_PATH}: MLX ${mlxVersion}, device ${device}, ${instructionSet} kernels`);
  } catch (error) {
    const hint = error instanceof SemanticError ? error.hint : undefined;
    return missing('addon', (error as Error).message, hint ?? FIX);
  }
}
