/** What a model's headers say about it, for lists: nothing is loaded, and what cannot be read is said, not thrown. */
import type { Checkpoint } from '../../core/domain/checkpoint.js';
import type { LinearSpec } from '../../core/domain/decoder-spec.js';
import { SemanticError } from '../../core/domain/errors.js';
import { buildEncoderSpec, isEncoder } from '../../core/models/encoder-registry.js';
import { buildDecoderSpec } from '../../core/models/registry.js';
import { readCheckpoint } from './read-checkpoint.js';

export interface ModelFacts {
  readonly format: Checkpoint['format'] | null;
  readonly architecture: string | null;
  /** Such as `4-bit g64`, `mxfp4`, `bf16`: what most of the weights are in. */
  readonly quantization: string | null;
  /** Tokens it was trained for. */
  readonly contextLength: number | null;
  /** Why it cannot be loaded; null where nothing speaks against it. */
  readonly problem: string | null;
}

const NOTHING = { format: null, architecture: null, quantization: null, contextLength: null };

/** @param path a GGUF file or a folder, as `readCheckpoint` takes it */
export async function readModelFacts(path: string): Promise<ModelFacts> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await readCheckpoint(path);
  } catch (error) {
    return { ...NOTHING, problem: messageOf(error) };
  }
  const { format, config } = checkpoint;
  const architecture = textOf(config[format === 'gguf' ? 'general.architecture' : 'model_type']);
  try {
    const { contextLength, down } = isEncoder(checkpoint) ? encoderOf(checkpoint) : decoderOf(checkpoint);
    return { format, architecture, quantization: weightsOf(down, checkpoint), contextLength, problem: null };
  } catch (error) {
    return { ...NOTHING, format, architecture, quantization: mostlyOf(checkpoint), problem: messageOf(error) };
  }
}

interface Sketch {
  readonly contextLength: number;
  readonly down: LinearSpec;
}

function decoderOf(checkpoint: Checkpoint): Sketch {
  const { contextLength, layers } = buildDecoderSpec(checkpoint);
  return { contextLength, down: middle(layers).feedForward.down };
}

function encoderOf(checkpoint: Checkpoint): Sketch {
  const { contextLength, layers } = buildEncoderSpec(checkpoint);
  return { contextLength, down: middle(layers).down };
}

/** The first layer and the last are often kept in more bits. */
function middle<T>(layers: readonly T[]): T {
  return layers[Math.floor(layers.length / 2)]!;
}

function weightsOf({ weight, quantization }: LinearSpec, checkpoint: Checkpoint): string | null {
  if (quantization === null) return checkpoint.tensors.get(weight.name)?.dtype.toLowerCase() ?? null;
  const { mode, bits, groupSize } = quantization;
  return mode === 'affine' ? `${bits}-bit g${groupSize}` : mode;
}

/** The type that most elements have. */
function mostlyOf({ tensors }: Checkpoint): string | null {
  const elements = new Map<string, number>();
  for (const { dtype, shape } of tensors.values()) {
    elements.set(dtype, (elements.get(dtype) ?? 0) + shape.reduce((a, b) => a * b, 1));
  }
  return [...elements].toSorted(([, a], [, b]) => b - a)[0]?.[0].toLowerCase() ?? null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function messageOf(error: unknown): string {
  return error instanceof SemanticError ? error.message : String(error);
}
