/** Loads the native addon, from src/ and from dist/ alike. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Native from '../../../native/index.js';
import { SemanticError } from '../../core/domain/errors.js';
import { findAddon } from '../paths/find-addon.js';

export type NativeAddon = typeof Native;

/** Throws PrerequisiteMissing when the addon is not there, or cannot be loaded on this machine. */
export function loadAddon({ path, fix: hint }: { readonly path: string; readonly fix: string } = findAddon()): NativeAddon {
  if (!existsSync(path)) throw new SemanticError('PrerequisiteMissing', `[mlx.load_addon] there is no native addon at ${path}`, { hint });
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SemanticError('PrerequisiteMissing', `[mlx.load_addon] the native addon at ${path} cannot be loaded: ${reason}`, {
      hint,
      cause,
    });
  }
}
