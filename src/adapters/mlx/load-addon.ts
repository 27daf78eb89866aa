/** Finds and loads native/build/semantic.node, from src/ and from dist/ alike. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Native from '../../../native/index.js';
import { SemanticError } from '../../core/domain/errors.js';

export type NativeAddon = typeof Native;

const PACKAGE_ROOT = new URL('../../../', import.meta.url);
export const ADDON_PATH = fileURLToPath(new URL('native/build/semantic.node', PACKAGE_ROOT));

/** Throws PrerequisiteMissing when the addon has not been built, or cannot be loaded on this machine. */
export function loadAddon(path: string = ADDON_PATH): NativeAddon {
  if (!existsSync(path)) {
    throw new SemanticError('PrerequisiteMissing', `[mlx.load_addon] wanted the native addon at ${path}, but it has not been built`, {
      hint: FIX,
    });
  }
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SemanticError('PrerequisiteMissing', `[mlx.load_addon] the native addon at ${path} cannot be loaded: ${reason}`, {
      hint: FIX,
      cause,
    });
  }
}

const FIX = 'Run `npm start` in the package: it fetches MLX and builds the addon.';
