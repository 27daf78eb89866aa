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
  expert_count: 'num_local_experts',
};

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
  for (const [key, name] of Object.entries(KEYS)) {
    if (get(key) !== undefined) values[name] = get(key);
  }
  if (values['num_local_experts'] === 0) delete values['num_local_experts'];
  const scaling = ropeScaling(metadata, get);
  if (scaling !== null) values['rope_scaling'] = scaling;
  const share = rotaryShare(values, get('rope.dimension_count'));
  if (share !== null) values['partial_rotary_factor'] = share;
  return { values, refused: REFUSED.map((key) => `${architecture}.${key}`).filter((key) => metadata[key] !== undefined) };
}

function ropeScaling(metadata: Checkpoint['config'], get: (key: string) => unknown): Record<string, unknown> | null {
  const factors = metadata['rope_freqs.weight'];
  if (factors !== undefined) return { rope_type: 'factors', factors };
  const type = get('rope.scaling.type');
  if (type === undefined || type === 'none') return null;
  const scaling: Record<string, unknown> = { rope_type: type, factor: get('rope.scaling.factor') };
  if (get('rope.scaling.original_context_length') !== undefined) {
    scaling['original_max_position_embeddings'] = get('rope.scaling.original_context_length');
  }
  return scaling;
}

/** `rope.dimension_count` as a share of the head; null where all of it is rotated. */
function rotaryShare(values: Readonly<Record<string, unknown>>, dims: unknown): number | null {
  const hidden = values['hidden_size'];
  const heads = values['num_attention_heads'];
  const headDim = values['head_dim'] ?? (typeof hidden === 'number' && typeof heads === 'number' ? hidden / heads : undefined);
  return typeof dims === 'number' && typeof headDim === 'number' && dims !== headDim ? dims / headDim : null;
}
