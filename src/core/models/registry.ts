/** Which architectures are known: a family is one file and one line here. */
import type { Checkpoint } from '../domain/checkpoint.js';
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { SemanticError } from '../domain/errors.js';
import { ConfigReader } from './config-reader.js';
import { buildGemma2, buildGemma2Gguf } from './gemma2.js';
import { buildGemma3, buildGemma3Gguf } from './gemma3.js';
import { buildGemma3Text } from './gemma3_text.js';
import { ggufConfig } from './gguf-config.js';
import { buildGptOss } from './gpt_oss.js';
import { buildLlama } from './llama.js';
import { buildMistral } from './mistral.js';
import type { ModelBuilder, ModelSource } from './model-source.js';
import { buildPhi3 } from './phi3.js';
import { readQuantizationConfig } from './quantization-config.js';
import { buildQwen2 } from './qwen2.js';
import { buildQwen3 } from './qwen3.js';
import { buildQwen35 } from './qwen3_5.js';
import { buildQwen3Moe, buildQwen3MoeGguf } from './qwen3_moe.js';
import { buildSmolLm3, buildSmolLm3Gguf } from './smollm3.js';
import { TensorLookup } from './tensor-lookup.js';
import { ggufNames, huggingFaceNames } from './weight-names.js';

/** By `model_type` of config.json. */
const BUILDERS: Readonly<Record<string, ModelBuilder>> = {
  llama: buildLlama,
  mistral: buildMistral,
  qwen2: buildQwen2,
  qwen3: buildQwen3,
  gemma3: buildGemma3,
  gemma3_text: buildGemma3Text,
  gpt_oss: buildGptOss,
  smollm3: buildSmolLm3,
  phi3: buildPhi3,
  gemma2: buildGemma2,
  qwen3_moe: buildQwen3Moe,
  qwen3_5: buildQwen35,
  qwen3_5_text: buildQwen35,
};

/** By `general.architecture` of a GGUF file; Mistral's files say llama. */
const GGUF_BUILDERS: Readonly<Record<string, ModelBuilder>> = {
  llama: buildLlama,
  qwen2: buildQwen2,
  qwen3: buildQwen3,
  gemma3: buildGemma3Gguf,
  smollm3: buildSmolLm3Gguf,
  phi3: buildPhi3,
  gemma2: buildGemma2Gguf,
  qwen3moe: buildQwen3MoeGguf,
};

export const KNOWN_MODEL_TYPES: readonly string[] = Object.keys(BUILDERS);

/** Throws ModelUnsupported for an architecture or format we do not know, ModelFileCorrupt for a checkpoint that is inconsistent. */
export function buildDecoderSpec(checkpoint: Checkpoint): DecoderSpec {
  return checkpoint.format === 'gguf' ? buildFromGguf(checkpoint) : buildFromFolder(checkpoint);
}

function buildFromFolder(checkpoint: Checkpoint): DecoderSpec {
  const architecture = new ConfigReader('registry', checkpoint.config).text('model_type');
  const build = pick(BUILDERS, architecture);
  return build({
    architecture,
    format: 'safetensors',
    config: new ConfigReader(architecture, checkpoint.config),
    tensors: new TensorLookup(architecture, checkpoint.tensors),
    quantization: readQuantizationConfig(architecture, checkpoint),
    names: huggingFaceNames(),
  });
}

function buildFromGguf(checkpoint: Checkpoint): DecoderSpec {
  const architecture = new ConfigReader('registry', checkpoint.config).text('general.architecture');
  const build = pick(GGUF_BUILDERS, architecture);
  const { values, refused } = ggufConfig(checkpoint.config, architecture);
  if (refused.length > 0) {
    throw new SemanticError(
      'ModelUnsupported',
      `[models.${architecture}] GGUF metadata sets ${refused.join(', ')}, which this architecture does not have`,
    );
  }
  const source: ModelSource = {
    architecture,
    format: 'gguf',
    config: new ConfigReader(architecture, values),
    tensors: new TensorLookup(architecture, checkpoint.tensors),
    quantization: readQuantizationConfig(architecture, checkpoint),
    names: ggufNames(architecture === 'llama'),
  };
  return build(source);
}

function pick(builders: Readonly<Record<string, ModelBuilder>>, architecture: string): ModelBuilder {
  if (Object.hasOwn(builders, architecture)) return builders[architecture]!;
  throw new SemanticError(
    'ModelUnsupported',
    `[models.registry] architecture ${JSON.stringify(architecture)} is not known; wanted one of ${Object.keys(builders).join(', ')}`,
  );
}
