/** Mistral: Llama's shape; where `sliding_window` is set (7B v0.1) every layer is windowed. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import type { ModelSource } from './model-source.js';
import { readWindows } from './windows.js';

const ROPE_BASE = 10_000;

export function buildMistral(source: ModelSource): DecoderSpec {
  const { config } = source;
  const windowed = config.has('sliding_window');
  return buildDenseDecoder(source, {
    qkvBias: 'optional',
    qkNorm: false,
    ropeBase: ROPE_BASE,
    windows: (layers) => readWindows(config, layers, null, () => windowed),
  });
}
