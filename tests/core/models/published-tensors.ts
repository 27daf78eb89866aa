/** Tensor tables of published checkpoints, by the shapes their model cards and index files give. */
import type { Checkpoint, TensorInfo } from '../../../src/core/domain/checkpoint.js';

export type Config = Readonly<Record<string, unknown>>;
export type Tensors = Map<string, TensorInfo>;

export interface Sizes {
  readonly vocab: number;
  readonly hidden: number;
  readonly layers: number;
  readonly q: number; // heads * headDim
  readonly kv: number;
  readonly feedForward: number;
}

export function checkpoint(config: Config, tensors: Tensors): Checkpoint {
  return { format: 'safetensors', config, tensors, files: ['model.safetensors'] };
}

/** Embedding, norms, attention of a Llama-like model in bf16; `prefix` as `model.`. */
export function attentionTensors(prefix: string, { vocab, hidden, layers, q, kv }: Sizes): Tensors {
  const tensors: Tensors = new Map();
  const add = (name: string, ...shape: number[]): void => void tensors.set(`${prefix}${name}`, { dtype: 'BF16', shape });
  add('embed_tokens.weight', vocab, hidden);
  add('norm.weight', hidden);
  for (let i = 0; i < layers; i++) {
    add(`layers.${i}.input_layernorm.weight`, hidden);
    add(`layers.${i}.post_attention_layernorm.weight`, hidden);
    add(`layers.${i}.self_attn.q_proj.weight`, q, hidden);
    add(`layers.${i}.self_attn.k_proj.weight`, kv, hidden);
    add(`layers.${i}.self_attn.v_proj.weight`, kv, hidden);
    add(`layers.${i}.self_attn.o_proj.weight`, hidden, q);
  }
  return tensors;
}

export function denseTensors(prefix: string, sizes: Sizes): Tensors {
  const tensors = attentionTensors(prefix, sizes);
  for (let i = 0; i < sizes.layers; i++) {
    tensors.set(`${prefix}layers.${i}.mlp.gate_proj.weight`, { dtype: 'BF16', shape: [sizes.feedForward, sizes.hidden] });
    tensors.set(`${prefix}layers.${i}.mlp.up_proj.weight`, { dtype: 'BF16', shape: [sizes.feedForward, sizes.hidden] });
    tensors.set(`${prefix}layers.${i}.mlp.down_proj.weight`, { dtype: 'BF16', shape: [sizes.hidden, sizes.feedForward] });
  }
  return tensors;
}

/** Adds a tensor of this shape to every layer. */
export function addPerLayer(tensors: Tensors, prefix: string, layers: number, part: string, dtype: string, shape: readonly number[]): void {
  for (let i = 0; i < layers; i++) tensors.set(`${prefix}layers.${i}.${part}`, { dtype, shape });
}
