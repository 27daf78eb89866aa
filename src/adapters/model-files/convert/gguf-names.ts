/** From llama.cpp's names of tensors to those of Hugging Face, for families whose arithmetic is the same in both. */
import { SemanticError } from '../../../core/domain/errors.js';

const PARTS: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};
const WHOLE: Readonly<Record<string, string>> = { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' };

/** `model_type` and class by `general.architecture`. */
export const GGUF_CLASSES: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

/** `blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`. Throws ModelUnsupported for a name that is not known. */
export function huggingFaceName(name: string): string {
  const [, layer, part, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const stem = layer === undefined ? WHOLE[part ?? ''] : PARTS[part ?? ''];
  if (stem !== undefined) return `${layer === undefined ? '' : `model.layers.${layer}.`}${stem}.${kind!}`;
  throw new SemanticError('ModelUnsupported', `[convert] tensor "${name}" has no place in a folder of safetensors`, {
    hint: `Converted are GGUF files of ${Object.keys(GGUF_CLASSES).join(', ')}.`,
  });
}
