/** Where each part of a decoder lies in a checkpoint: paths without `.weight`. */
export interface WeightNames {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly head: string;
  /** Path of a part of layer `i`. */
  layer(i: number, part: LayerPart): string;
  /** Row order of q and k is llama.cpp's (pair, half). */
  readonly permutedRope: boolean;
}

export type LayerPart = keyof typeof HUGGING_FACE_PARTS;

const HUGGING_FACE_PARTS = {
  inputNorm: 'input_layernorm',
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.o_proj',
  /** q, k and v one below the other (Phi 3). */
  qkv: 'self_attn.qkv_proj',
  qNorm: 'self_attn.q_norm',
  kNorm: 'self_attn.k_norm',
  /** The norm before the feed-forward in Llama-like families, after attention in Gemma's. */
  postAttentionNorm: 'post_attention_layernorm',
  preFeedForwardNorm: 'pre_feedforward_layernorm',
  postFeedForwardNorm: 'post_feedforward_layernorm',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  /** Gate and up one below the other (Phi 3). */
  gateUp: 'mlp.gate_up_proj',
  down: 'mlp.down_proj',
} as const;

/** @param body path of the decoder, such as `model.`; @param head path of the output projection */
export function huggingFaceNames(body = 'model.', head = 'lm_head'): WeightNames {
  return {
    embedding: `${body}embed_tokens`,
    finalNorm: `${body}norm`,
    head,
    layer: (i, part) => `${body}layers.${i}.${HUGGING_FACE_PARTS[part]}`,
    permutedRope: false,
  };
}

const GGUF_PARTS: Readonly<Record<LayerPart, string>> = {
  inputNorm: 'attn_norm',
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  qkv: 'attn_qkv',
  qNorm: 'attn_q_norm',
  kNorm: 'attn_k_norm',
  postAttentionNorm: 'ffn_norm',
  preFeedForwardNorm: 'ffn_norm',
  postFeedForwardNorm: 'post_ffw_norm',
  gate: 'ffn_gate',
  up: 'ffn_up',
  gateUp: 'ffn_up',
  down: 'ffn_down',
};

/** @param permutedRope llama.cpp's converter permutes q and k of the llama architecture only */
export function ggufNames(permutedRope: boolean, parts: Partial<Record<LayerPart, string>> = {}): WeightNames {
  return {
    embedding: 'token_embd',
    finalNorm: 'output_norm',
    head: 'output',
    layer: (i, part) => `blk.${i}.${parts[part] ?? GGUF_PARTS[part]}`,
    permutedRope,
  };
}
