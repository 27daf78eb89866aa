/** Qwen 2 and 2.5: biases on q, k and v. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import type { ModelSource } from './model-source.js';
import { readQwenWindows } from './qwen-windows.js';

export function buildQwen2(source: ModelSource): DecoderSpec {
  return buildDenseDecoder(source, {
    qkvBias: 'required',
    qkNorm: false,
    windows: (layers) => readQwenWindows(source.config, layers),
  });
}
