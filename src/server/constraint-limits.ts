import type { Config } from '../adapters/config/schema.js';
import type { ConstraintLimits } from '../core/constraints/limits.js';

/** Slice `constraints` of the configuration, by its names inside. */
export function constraintLimits(settings: Config['constraints']): ConstraintLimits {
  return {
    maxSourceBytes: settings.max_source_bytes,
    maxStates: settings.max_states,
    maxReadings: settings.max_readings,
    compileTimeoutMs: settings.compile_timeout_ms,
    maxCompiled: settings.max_compiled,
    maskCacheMb: settings.mask_cache_mb,
    json: { whitespace: settings.whitespace, maxIndent: settings.max_indent },
  };
}
