/** Qwen 3's mixtures of experts (30B-A3B, Coder, 235B-A22B): Qwen 3, whose feed-forward is a mixture in most layers. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildDenseDecoder } from './dense-decoder.js';
import { buildSwitchExperts, readExpertSizes } from './experts.js';
import { readActivation } from './feed-forward.js';
import type { ModelSource } from './model-source.js';
import { readQwenWindows } from './qwen-windows.js';

export function buildQwen3Moe(source: ModelSource): DecoderSpec {
  const { config } = source;
  const layers = config.positiveInteger('num_hidden_layers');
  const sizes = readExpertSizes(source, config.positiveInteger('hidden_size'));
  const dense = config.layerIndices('mlp_only_layers', layers);
  const step = config.positiveInteger('decoder_sparse_step', 1);
  const activation = readActivation(config, 'hidden_act', 'silu');
  return buildDenseDecoder(source, {
    qkvBias: 'optional',
    qkNorm: true,
    mixture: (i) => ((i + 1) % step === 0 && !dense.includes(i) ? buildSwitchExperts(source, sizes, i, activation) : null),
    windows: () => readQwenWindows(config, layers),
  });
}

/** GGUF: every layer is a mixture, and llama.cpp always normalizes over the chosen experts. */
export function buildQwen3MoeGguf(source: ModelSource): DecoderSpec {
  const config = source.config.with({ norm_topk_prob: true, intermediate_size: source.config.positiveInteger('moe_intermediate_size') });
  return buildQwen3Moe({ ...source, config });
}
