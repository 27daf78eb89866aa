import type { Checkpoint } from '../domain/checkpoint.js';
import { ConfigReader } from './config-reader.js';

/** What config.json says about one layer's weights, or about all of them. */
export interface QuantizationClaim {
  readonly bits: number | null;
  readonly groupSize: number | null;
  readonly mode: string;
}

/**
 * `quantization` (mlx-community) or `quantization_config` (Hugging Face) of config.json: one claim for the model, and
 * overrides by the path of a layer, where `false` leaves that layer dense.
 */
export interface QuantizationConfig {
  /** undefined = says nothing of this layer in particular. */
  override(stem: string): QuantizationClaim | false | undefined;
}

const NONE: QuantizationConfig = { override: () => undefined };

/** Throws ModelUnsupported for methods whose tensors are not MLX's (awq, gptq, fp8, bitsandbytes ...). */
export function readQuantizationConfig(architecture: string, checkpoint: Checkpoint): QuantizationConfig {
  const config = new ConfigReader(architecture, checkpoint.config);
  if (checkpoint.format === 'gguf') return NONE;
  const own = config.section('quantization');
  const section = own ?? config.section('quantization_config') ?? config.section('text_config')?.section('quantization_config') ?? null;
  if (section === null) return NONE;
  if (own === null && section.has('quant_method') && section.text('quant_method') !== 'mxfp4') {
    throw section.unsupported('quant_method', '"mxfp4", or weights quantized by MLX');
  }
  return { override: (stem) => readOverride(section, stem) };
}

function readOverride(section: ConfigReader, stem: string): QuantizationClaim | false | undefined {
  const value = section.raw(stem);
  if (value === undefined || value === true) return undefined;
  if (value === false) return false;
  const layer = section.section(stem);
  if (layer === null) return undefined;
  return {
    bits: layer.has('bits') ? layer.positiveInteger('bits') : null,
    groupSize: layer.has('group_size') ? layer.positiveInteger('group_size') : null,
    mode: layer.text('mode', 'affine'),
  };
}
