/** Renames the metadata of a GGUF file to the keys of config.json, so that one builder serves both formats. */
import type { Checkpoint } from '../domain/checkpoint.js';

const KEYS: Readonly<Record<string, string>> = {
  embedding_length: 'hidden_size',
  block_count: 'num_hidden_layers',
  feed_forward_length: 'intermediate_size',
  context_length: 'max_position_embeddings',
  'attention.head_count': 'num_attention_heads',
  'attention.head_count_kv': 'num_key_value_heads',
  'attention.key_length': 'head_dim',
  'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
  'attention.sliding_window': 'sliding_window',
  'rope.freq_base': 'rope_theta',
  'rope.freq_base_swa': 'rope_local_base_freq',
};

/** Of some architectures only, where a builder reads them. */
const OWN_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  llama: { expert_count: 'num_local_experts' },
  gemma2: { attn_logit_softcapping: 'attn_logit_softcapping', final_logit_softcapping: 'final_logit_softcapping' },
  qwen3moe: {
    expert_count: 'num_experts',
    expert_used_count: 'num_experts_per_tok',
    expert_feed_forward_length: 'moe_intermediate_size',
  },
};

/** Keys in which 0 stands for "none". */
const ZERO_IS_NONE = ['num_local_experts', 'sliding_window'];

/** Keys that change the arithmetic and that no builder of ours reads: better refused than ignored. */
const REFUSED = [
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'logit_scale',
  'residual_scale',
  'embedding_scale',
  'attention.scale',
];

export interface GgufConfig {
  readonly values: Readonly<Record<string, unknown>>;
  /** Keys, full, that would change the result. */
  readonly refused: readonly string[];
}

export function ggufConfig(metadata: Checkpoint['config'], architecture: string): GgufConfig {
  const get = (key: string): unknown => metadata[`${architecture}.${key}`];
  const values: Record<string, unknown> = {};
  const own = OWN_KEYS[architecture] ?? {};
  for (const [key, name] of Object.entries({ ...KEYS, ...own })) {
    if (get(key) !== undefined) values[name] = get(key);
  }
  for (const name of ZERO_IS_NONE) if (values[name] === 0) delete values[name];
  const scaling = ropeScaling(metadata, get);
  if (scaling !== null) values['rope_scaling'] = scaling;
  const share = rotaryShare(values, get('rope.dimension_count'));
  if (share !== null) values['partial_rotary_factor'] = share;
  const refused = REFUSED.filter((key) => !Object.hasOwn(own, key) && get(key) !== undefined);
  return { values, refused: refused.map((key) => `${architecture}.${key}`) };
}

function ropeScaling(metadata: Checkpoint['config'], get: (key: string) => unknown): Record<string, unknown> | null {
  const factors = metadata['rope_freqs.weight'];
  if (factors !== undefined) return { rope_type: 'factors', factors };
  const long = metadata['rope_factors_long.weight'];
  if (long !== undefined) return longRope(metadata, long, get);
  const type = get('rope.scaling.type');
  if (type === undefined || type === 'none') return null;
  const scaling: Record<string, unknown> = { rope_type: type, factor: get('rope.scaling.factor') };
  if (get('rope.scaling.original_context_length') !== undefined) {
    scaling['original_max_position_embeddings'] = get('rope.scaling.original_context_length');
  }
  return scaling;
}

/** Phi 3's converter writes the divisors as tensors, and what they do to attention as a number. */
function longRope(metadata: Checkpoint['config'], long: unknown, get: (key: string) => unknown): Record<string, unknown> {
  return {
    rope_type: 'longrope',
    long_factor: long,
    short_factor: metadata['rope_factors_short.weight'],
    original_max_position_embeddings: get('rope.scaling.original_context_length'),
    attention_factor: get('rope.scaling.attn_factor'),
  };
}

/** `rope.dimension_count` as a share of the head; null where all of it is rotated. */
function rotaryShare(values: Readonly<Record<string, unknown>>, dims: unknown): number | null {
  const hidden = values['hidden_size'];
  const heads = values['num_attention_heads'];
  const headDim = values['head_dim'] ?? (typeof hidden === 'number' && typeof heads === 'number' ? hidden / heads : undefined);
  return typeof dims === 'number' && typeof headDim === 'number' && dims !== headDim ? dims / headDim : null;
}
