import type { ConfigReader } from './config-reader.js';
import { readWindows } from './windows.js';

const MAX_WINDOW_LAYERS = 28; // transformers' default

/** Qwen states a `sliding_window` that only counts with `use_sliding_window`, and then from layer `max_window_layers` on. */
export function readQwenWindows(config: ConfigReader, layers: number): readonly (number | null)[] {
  if (!config.boolean('use_sliding_window', false)) return Array.from({ length: layers }, () => null);
  const first = config.positiveInteger('max_window_layers', MAX_WINDOW_LAYERS);
  return readWindows(config, layers, null, (i) => i >= first);
}
