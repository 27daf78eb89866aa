/** Qwen 3 (dense): RMSNorm over each head of q and k instead of Qwen 2's biases. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import type { ModelSource } from './model-source.js';
import { readQwenWindows } from './qwen-windows.js';

export function buildQwen3(source: ModelSource): DecoderSpec {
  return buildDenseDecoder(source, {
    qkvBias: 'optional',
    qkNorm: true,
    windows: (layers) => readQwenWindows(source.config, layers),
  });
}
