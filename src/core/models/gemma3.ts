/** Gemma 3 as published with its vision tower (4B and up): the text model inside, its config under `text_config`. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { buildGemma3Text } from './gemma3_text.js';
import type { ModelSource } from './model-source.js';
import { ggufNames, huggingFaceNames } from './weight-names.js';

/** Paths of the decoder and its head: mlx-community and Hugging Face before v5, Hugging Face since, text only. */
const LAYOUTS: readonly { readonly body: string; readonly head: string }[] = [
  { body: 'language_model.model.', head: 'language_model.lm_head' },
  { body: 'model.language_model.', head: 'lm_head' },
  { body: 'model.', head: 'lm_head' },
];

export function buildGemma3(source: ModelSource): DecoderSpec {
  const { config, tensors } = source;
  const text = config.section('text_config');
  if (text === null) throw config.corrupt('text_config', 'an object');
  const layout = LAYOUTS.find(({ body }) => tensors.has(`${body}embed_tokens.weight`)) ?? LAYOUTS[0]!;
  // mlx-lm: the outer vocab_size and tie_word_embeddings count where the inner config has none.
  const inherited: Record<string, unknown> = {};
  for (const key of ['vocab_size', 'tie_word_embeddings']) {
    if (!text.has(key) && config.has(key)) inherited[key] = config.raw(key);
  }
  return buildGemma3Text({ ...source, config: text.with(inherited), names: huggingFaceNames(layout.body, layout.head) });
}

const LAYERS_OF_27B = 62;

/** GGUF: keys are already config.json's; llama.cpp hard-codes the attention scale of the 27B, as we do. */
export function buildGemma3Gguf(source: ModelSource): DecoderSpec {
  const { config } = source;
  const is27b = config.positiveInteger('num_hidden_layers') === LAYERS_OF_27B;
  const scalar = is27b
    ? config.positiveInteger('hidden_size') / config.positiveInteger('num_attention_heads')
    : config.positiveInteger('head_dim');
  return buildGemma3Text({
    ...source,
    config: config.with({ query_pre_attn_scalar: scalar }),
    names: ggufNames(false, { postAttentionNorm: 'post_attention_norm' }),
  });
}
