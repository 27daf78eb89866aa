/** Llama 2 and 3.x and all that share the shape (SmolLM2): llama3 or linear RoPE scaling, biases where the checkpoint has them. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import type { ModelSource } from './model-source.js';
import { readWindows } from './windows.js';

const ROPE_BASE = 10_000; // Llama 1 and 2 leave rope_theta out

export function buildLlama(source: ModelSource): DecoderSpec {
  const { config } = source;
  if (config.has('num_local_experts')) throw config.unsupported('num_local_experts', 'a dense model');
  return buildDenseDecoder(source, {
    qkvBias: 'optional',
    qkNorm: false,
    ropeBase: ROPE_BASE,
    windows: (layers) => readWindows(config, layers, null, () => false),
  });
}
