/** `rope_theta`, `rope_scaling` (Hugging Face v4, mlx-lm) and `rope_parameters` (Hugging Face v5) of config.json. */
import type { RopeSpec } from '../domain/decoder-spec.js';
import type { ConfigReader } from './config-reader.js';
import { buildRope, yarnMscale, type RopeScaling, type YarnScaling } from './rope.js';

export interface RopeDefaults {
  readonly headDim: number;
  /** Base where the config names none; undefined = it has to. */
  readonly base?: number;
}

export function readRope(config: ConfigReader, defaults: RopeDefaults): RopeSpec {
  if (config.boolean('rope_traditional', false)) throw config.unsupported('rope_traditional', 'false');
  const parameters = config.section('rope_parameters');
  const section = parameters ?? config.section('rope_scaling');
  const base = parameters?.has('rope_theta') ? parameters.positiveNumber('rope_theta') : config.positiveNumber('rope_theta', defaults.base);
  const share = (section?.has('partial_rotary_factor') ? section : config).positiveNumber('partial_rotary_factor', 1);
  const dims = Math.floor(defaults.headDim * share);
  if (dims < 2 || dims % 2 !== 0 || dims > defaults.headDim)
    throw config.unsupported('partial_rotary_factor', 'a share that leaves an even number of dimensions');
  return buildRope(dims, base, section === null ? { kind: 'default' } : readScaling(section, config, dims));
}

/** Throws ModelUnsupported for rules that change with the length of the sequence (dynamic), or are unknown. */
export function readScaling(section: ConfigReader, config: ConfigReader, dims: number): RopeScaling {
  const key = section.has('rope_type') ? 'rope_type' : 'type';
  switch (section.text(key, 'default')) {
    case 'default':
      return { kind: 'default' };
    case 'linear':
      return { kind: 'linear', factor: section.positiveNumber('factor') };
    case 'llama3':
      return {
        kind: 'llama3',
        factor: section.positiveNumber('factor'),
        lowFreqFactor: section.positiveNumber('low_freq_factor', 1),
        highFreqFactor: section.positiveNumber('high_freq_factor', 4),
        originalContext: section.positiveNumber('original_max_position_embeddings', 8192),
      };
    case 'yarn':
      return readYarn(section, config);
    case 'factors':
      return { kind: 'factors', factors: section.numbers('factors', dims / 2), attentionFactor: 1 };
    case 'longrope':
    case 'su': // its name in the first files of Phi 3
      return readLongRope(section, config, dims);
    default:
      throw section.unsupported(key, '"default", "linear", "llama3", "yarn" or "longrope"');
  }
}

/**
 * Phi 3: divisors for contexts within the original one, and others beyond it. transformers changes over when a sequence grows
 * past it, which would turn all its keys anew; like mlx-lm we take those of the context that the model is made for.
 */
function readLongRope(section: ConfigReader, config: ConfigReader, dims: number): RopeScaling {
  const key = 'original_max_position_embeddings';
  const original = (section.has(key) ? section : config).positiveInteger(key);
  const ratio = config.positiveInteger('max_position_embeddings') / original;
  const inferred = ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(original));
  return {
    kind: 'factors',
    factors: section.numbers(ratio > 1 ? 'long_factor' : 'short_factor', dims / 2),
    attentionFactor: section.positiveNumber('attention_factor', inferred),
  };
}

function readYarn(section: ConfigReader, config: ConfigReader): YarnScaling {
  const factor = section.positiveNumber('factor');
  const originalContext = section.has('original_max_position_embeddings')
    ? section.positiveNumber('original_max_position_embeddings')
    : config.positiveNumber('max_position_embeddings');
  // Both or neither: with one alone, or a 0, transformers takes the plain factor.
  const ratio = Boolean(section.raw('mscale')) && Boolean(section.raw('mscale_all_dim'));
  const inferred = ratio
    ? yarnMscale(factor, section.positiveNumber('mscale')) / yarnMscale(factor, section.positiveNumber('mscale_all_dim'))
    : yarnMscale(factor);
  return {
    kind: 'yarn',
    factor,
    originalContext,
    betaFast: section.positiveNumber('beta_fast', 32),
    betaSlow: section.positiveNumber('beta_slow', 1),
    truncate: section.boolean('truncate', true),
    attentionFactor: section.positiveNumber('attention_factor', inferred),
  };
}

/** Tokens the positions reach: YaRN on top of a shorter `max_position_embeddings` extends it (Qwen 2.5). */
export function readContextLength(config: ConfigReader, fallback?: number): number {
  const stated = config.positiveInteger('max_position_embeddings', fallback);
  const section = config.section('rope_parameters') ?? config.section('rope_scaling');
  if (section === null || !section.has('factor') || !section.has('original_max_position_embeddings')) return stated;
  if (section.text(section.has('rope_type') ? 'rope_type' : 'type', 'default') !== 'yarn') return stated;
  return Math.max(stated, Math.floor(section.positiveNumber('factor') * section.positiveNumber('original_max_position_embeddings')));
}
