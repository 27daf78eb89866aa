/**
 * Phi 3, 3.5 and 4: q, k and v in one matrix, gate and up in another, in Phi 4 mini only three quarters of a head rotated,
 * "longrope" for contexts beyond the original one.
 */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import type { ModelSource } from './model-source.js';
import { readWindows } from './windows.js';

const ROPE_BASE = 10_000;

export function buildPhi3(source: ModelSource): DecoderSpec {
  const { config } = source;
  // Phi 3.5 and 4 state a window that is wider than their context: it forgets nothing.
  const windowed =
    config.has('sliding_window') && config.positiveInteger('sliding_window') < config.positiveInteger('max_position_embeddings');
  return buildDenseDecoder(source, {
    qkvBias: 'optional',
    qkNorm: false,
    ropeBase: ROPE_BASE,
    fused: true,
    windows: (layers) => readWindows(config, layers, null, () => windowed),
  });
}
