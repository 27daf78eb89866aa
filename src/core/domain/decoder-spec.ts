/**
 * One decoder-only transformer as plain data. TypeScript knows architectures and writes this; the native
 * executors only do the arithmetic it describes. Adding a Llama-like family needs no rebuild of the addon.
 *
 * Shapes: B rows, T tokens, D hiddenSize, H heads, K kvHeads, d headDim, F feed-forward width, V vocabSize, E experts.
 */
export interface DecoderSpec {
  /** `model_type` of config.json, or `general.architecture` of a GGUF file. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** Longest sequence in tokens the positions were trained for. */
  readonly contextLength: number;
  readonly embedding: EmbeddingSpec;
  /** Tables shared by layers; `AttentionSpec.rope` indexes this list. */
  readonly ropes: readonly RopeSpec[];
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
  /** Output projection [V, D]; `null` = tied to the embedding. */
  readonly head: LinearSpec | null;
  /** logits = cap * tanh(logits / cap), where set (Gemma 2). */
  readonly logitSoftcap: number | null;
}

export interface EmbeddingSpec {
  /** [V, D], possibly quantized along D. */
  readonly table: LinearSpec;
  /** Multiplied into every embedded row; 1 = none. Gemma: sqrt(D). */
  readonly scale: number;
}

/** Rotary position embedding, half-split ("rotate half") order: element i pairs with i + dims / 2. */
export interface RopeSpec {
  /** Leading elements of a head that are rotated (even, <= headDim). */
  readonly dims: number;
  /** [dims / 2] radians per position; all scaling rules (linear, llama3, yarn) are already applied. */
  readonly inverseFrequencies: readonly number[];
  /** Multiplied into the rotated elements of q and k (YaRN's mscale); 1 = none. */
  readonly attentionFactor: number;
}

/** x / rms(x) * (weight + weightOffset). */
export interface NormSpec {
  /** [D], or [d] for per-head norms. */
  readonly weight: TensorRef;
  readonly eps: number;
  /** 1 where the checkpoint stores weight - 1 (Gemma), else 0. */
  readonly weightOffset: 0 | 1;
}

/** h = x + postAttentionNorm?(mixer(inputNorm(x))); y = h + postFeedForwardNorm?(feedForward(feedForwardNorm(h))). */
export interface LayerSpec {
  readonly inputNorm: NormSpec;
  /** How tokens see each other; exactly one of the two is there. */
  readonly attention?: AttentionSpec;
  readonly recurrence?: GatedDeltaSpec;
  readonly postAttentionNorm: NormSpec | null;
  readonly feedForwardNorm: NormSpec;
  readonly feedForward: DenseFeedForwardSpec | MoeFeedForwardSpec;
  readonly postFeedForwardNorm: NormSpec | null;
}

export interface AttentionSpec {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Multiplied into q.k: headDim^-0.5, or Gemma's queryPreAttnScalar^-0.5. */
  readonly scale: number;
  readonly q: LinearSpec; // [H*d, D]
  readonly k: LinearSpec; // [K*d, D]
  readonly v: LinearSpec; // [K*d, D]
  readonly o: LinearSpec; // [D, H*d]
  /** [H*d, D]: what heads give is multiplied by sigmoid(gate(x)) before o (Qwen 3.5); absent = none. */
  readonly gate?: LinearSpec;
  /** RMSNorm over each head of q and k before RoPE; null = none. */
  readonly qNorm: NormSpec | null;
  readonly kNorm: NormSpec | null;
  /** Index into `DecoderSpec.ropes`. */
  readonly rope: number;
  /** A query at position p sees keys in (p - window, p]; null = all keys <= p. */
  readonly window: number | null;
  /** [H] logits of a virtual key that takes probability mass but has no value (GPT-OSS); null = none. */
  readonly sinks: TensorRef | null;
  /** scores = cap * tanh(scores / cap) (Gemma 2); null = none. */
  readonly softcap: number | null;
}

/**
 * A gated delta net (arXiv 2412.06464): instead of every token's keys and values a layer keeps, per value head, one matrix S [dk, dv], and
 * the last `kernel - 1` inputs of a causal convolution. Per token, with q, k, v = silu(conv(q(x), k(x), v(x))), each head of q and k of
 * length 1 and q / sqrt(dk):
 *   S = exp(-exp(aLog) * softplus(a(x) + dtBias)) * S;  S += k (sigmoid(b(x)) * (v - k S))
 * and the layer gives o(norm(q S) * silu(z(x))). A key head serves valueHeads / keyHeads value heads. Hk keyHeads, Hv valueHeads.
 */
export interface GatedDeltaSpec {
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number; // dk
  readonly valueDim: number; // dv
  /** Tokens that the convolution sees, the newest included. */
  readonly kernel: number;
  readonly q: LinearSpec; // [Hk*dk, D]
  readonly k: LinearSpec; // [Hk*dk, D]
  readonly v: LinearSpec; // [Hv*dv, D]
  readonly z: LinearSpec; // [Hv*dv, D]
  readonly b: LinearSpec; // [Hv, D]
  readonly a: LinearSpec; // [Hv, D]
  readonly o: LinearSpec; // [D, Hv*dv]
  readonly conv: TensorRef; // [2*Hk*dk + Hv*dv, kernel]: of q, then k, then v
  readonly aLog: TensorRef; // [Hv]
  readonly dtBias: TensorRef; // [Hv]
  /** Over each head of q S. */
  readonly norm: NormSpec; // [dv]
}

/** down(act(gate(x)) * up(x)). */
export interface DenseFeedForwardSpec {
  readonly kind: 'dense';
  readonly activation: Activation;
  readonly gate: LinearSpec; // [F, D]
  readonly up: LinearSpec; // [F, D]
  readonly down: LinearSpec; // [D, F]
}

/** Mixture of experts: the topK largest router logits, a softmax, weighted sum of the experts' outputs. */
export interface MoeFeedForwardSpec {
  readonly kind: 'moe';
  readonly activation: Activation;
  readonly experts: number;
  readonly topK: number;
  /** Whether weights of the chosen add up to 1, or are what they are among all experts. */
  readonly softmaxOver: 'chosen' | 'all';
  readonly router: LinearSpec; // [E, D]
  readonly gate: LinearSpec; // [E, F, D], bias [E, F]
  readonly up: LinearSpec; // [E, F, D], bias [E, F]
  readonly down: LinearSpec; // [E, D, F], bias [E, D]
}

/**
 * `silu`: g * sigmoid(g) * u. `gelu-tanh`: gelu_tanh(g) * u.
 * `swiglu-clamped` (GPT-OSS): g = min(g, limit), u = clamp(u, -limit, limit); g * sigmoid(alpha * g) * (u + 1).
 */
export type Activation =
  | { readonly kind: 'silu' }
  | { readonly kind: 'gelu-tanh' }
  | { readonly kind: 'swiglu-clamped'; readonly alpha: number; readonly limit: number };

/** y = x W^T + bias. Weight [out, in] ([E, out, in] for experts), perhaps quantized along `in`. */
export interface LinearSpec {
  readonly weight: TensorRef;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Added to the output [out] ([E, out] for experts); null = none. */
  readonly bias: TensorRef | null;
  /** null = weight is f32, f16 or bf16. */
  readonly quantization: QuantizationSpec | null;
}

/** MLX's packed formats: weight is uint32, `in * bits / 32` words a row, lowest bits first. */
export interface QuantizationSpec {
  /** affine: w = scale * q + bias. mxfp4: w = fp4(q) * 2^(scale - 127), scales are uint8, no biases, groups of 32. */
  readonly mode: 'affine' | 'mxfp4';
  readonly bits: number;
  readonly groupSize: number;
  readonly scales: TensorRef; // [out, in / groupSize]
  readonly biases: TensorRef | null; // as scales; null for mxfp4
}

/** A tensor of the checkpoint by its name there, and how its rows become ours; `ops` run in order at load. */
export interface TensorRef {
  readonly name: string;
  readonly ops: readonly TensorOp[];
}

export type TensorOp =
  /** Rows [heads * d, ...] from llama.cpp's (pair, half) order back to (half, pair): GGUF q and k of Llama. */
  | { readonly op: 'unpermute-rope'; readonly heads: number }
  /** Reinterpret the last axis' bytes as another type: uint8 [.., 16] -> uint32 [.., 4]. */
  | { readonly op: 'view'; readonly dtype: 'uint32' | 'uint8' }
  /** Merge axes `start` .. last into one. */
  | { readonly op: 'flatten'; readonly start: number }
  /** Every `step`-th index of `axis` from `start` up to `stop` (null = its end). */
  | { readonly op: 'slice'; readonly axis: number; readonly start: number; readonly stop: number | null; readonly step: number }
  /** Rows [start, stop) of each of `groups` equal runs of rows, one below the other. */
  | { readonly op: 'group-rows'; readonly groups: number; readonly start: number; readonly stop: number }
  /** Swap the last two axes. */
  | { readonly op: 'transpose' };
