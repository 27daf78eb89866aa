import type { ConfigReader } from './config-reader.js';

/** Window of every layer in tokens, null = sees all. `layer_types` of config.json decides; else `isWindowed` by layer index. */
export function readWindows(
  config: ConfigReader,
  layers: number,
  window: number | null,
  isWindowed: (layer: number) => boolean,
): readonly (number | null)[] {
  const types = config.texts('layer_types', layers);
  return Array.from({ length: layers }, (_, i) => {
    const windowed = types === null ? isWindowed(i) : isSliding(config, types[i]!);
    if (!windowed) return null;
    return window ?? config.positiveInteger('sliding_window');
  });
}

function isSliding(config: ConfigReader, type: string): boolean {
  if (type === 'sliding_attention') return true;
  if (type === 'full_attention') return false;
  throw config.unsupported('layer_types', '"full_attention" or "sliding_attention" for every layer');
}
