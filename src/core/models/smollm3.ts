/** SmolLM3: Llama's shape, where every fourth layer has no positions (NoPE). */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import type { ModelSource } from './model-source.js';
import { ggufNames } from './weight-names.js';
import { readWindows } from './windows.js';

const ROPE_BASE = 2_000_000;
const DEFAULT_INTERVAL = 4;

export function buildSmolLm3(source: ModelSource): DecoderSpec {
  const { config } = source;
  if (config.boolean('use_sliding_window', false)) throw config.unsupported('use_sliding_window', 'false');
  const interval = config.positiveInteger('no_rope_layer_interval', DEFAULT_INTERVAL);
  // The key says the opposite of its name: 1 = the layer turns its q and k.
  const rotates = config.flags('no_rope_layers', config.positiveInteger('num_hidden_layers'));
  return buildDenseDecoder(source, {
    qkvBias: 'optional',
    qkNorm: false,
    ropeBase: ROPE_BASE,
    rotates: (i) => (rotates === null ? (i + 1) % interval !== 0 : rotates[i]!),
    windows: (layers) => readWindows(config, layers, null, () => false),
  });
}

/** GGUF: llama.cpp's converter permutes q and k as Llama's, and fixes every fourth layer. */
export function buildSmolLm3Gguf(source: ModelSource): DecoderSpec {
  return buildSmolLm3({ ...source, names: ggufNames(true) });
}
