/** Which encoders are known: a family is one file and one line here. Decoders are in registry.ts. */
import type { Checkpoint } from '../domain/checkpoint.js';
import type { EncoderSpec } from '../domain/encoder-spec.js';
import { SemanticError } from '../domain/errors.js';
import { buildBert } from './bert.js';
import { ConfigReader } from './config-reader.js';
import type { EncoderBuilder } from './encoder-source.js';
import { readQuantizationConfig } from './quantization-config.js';
import { TensorLookup } from './tensor-lookup.js';

/** By `model_type` of config.json. */
const BUILDERS: Readonly<Record<string, EncoderBuilder>> = {
  bert: buildBert,
};

/** Whether a checkpoint is an encoder's: it embeds texts and writes none. */
export function isEncoder({ format, config }: Checkpoint): boolean {
  return format === 'safetensors' && typeof config['model_type'] === 'string' && Object.hasOwn(BUILDERS, config['model_type']);
}

/** Throws ModelUnsupported for what is no encoder that we know, ModelFileCorrupt for a checkpoint that is inconsistent. */
export function buildEncoderSpec(checkpoint: Checkpoint): EncoderSpec {
  const architecture = checkpoint.format === 'safetensors' ? new ConfigReader('registry', checkpoint.config).text('model_type') : 'gguf';
  const build = Object.hasOwn(BUILDERS, architecture) ? BUILDERS[architecture] : undefined;
  if (build === undefined) {
    throw new SemanticError(
      'ModelUnsupported',
      `[models.registry] encoder ${JSON.stringify(architecture)} is not known; wanted one of ${Object.keys(BUILDERS).join(', ')}`,
    );
  }
  return build({
    config: new ConfigReader(architecture, checkpoint.config),
    tensors: new TensorLookup(architecture, checkpoint.tensors),
    quantization: readQuantizationConfig(architecture, checkpoint),
  });
}
