/** A GGUF file as something to convert: tensors under Hugging Face's names, configuration and tokenizer out of its metadata. */
import { basename } from 'node:path';
import { SemanticError } from '../../../core/domain/errors.js';
import { ggufConfig } from '../../../core/models/gguf-config.js';
import { readGgufSource } from '../../tokenizer/gguf-source.js';
import { tokenizerFiles } from '../../tokenizer/tokenizer-files.js';
import { ggufCheckpoint } from '../gguf-checkpoint.js';
import { type GgufFile, type GgufTensor, readGguf } from '../read-gguf.js';
import type { ConversionSource, SourceTensor } from './conversion.js';
import { GGUF_CLASSES, huggingFaceName } from './gguf-names.js';
import { decodeGguf } from './gguf-rows.js';
import { type Llama3Scaling, llama3Scaling } from './llama3-scaling.js';
import { OpenRows } from './open-rows.js';

/** Settings, not weights: they go into config.json. */
const ROPE_FACTORS = 'rope_freqs.weight';

export async function openGgufSource(path: string): Promise<ConversionSource> {
  const gguf = await readGguf(path);
  const config = await configOf(gguf);
  const rows = new OpenRows();
  const heads = { q_proj: Number(config['num_attention_heads']), k_proj: Number(config['num_key_value_heads']) };
  const permuted = config['model_type'] === 'llama';
  const weights = gguf.tensors.filter(({ name }) => name !== ROPE_FACTORS);
  const tensors = weights.map((tensor) => sourceTensor(rows, path, tensor, permuted ? heads : {}));
  const source = readGgufSource(gguf.metadata);
  const eos = source.stopTokenIds;
  const files = tokenizerFiles(source, Number(config['max_position_embeddings']));
  const generation = JSON.stringify({ eos_token_id: eos.length === 1 ? eos[0] : eos }, null, 2);
  const beside = new Map([...files, ['generation_config.json', generation] as const].map(([name, text]) => [name, { text }]));
  return { tensors, config, beside, close: () => rows.close() };
}

async function configOf(gguf: GgufFile): Promise<Record<string, unknown>> {
  const checkpoint = await ggufCheckpoint(gguf);
  const architecture = String(checkpoint.config['general.architecture']);
  const className = GGUF_CLASSES[architecture];
  const { values, refused } = ggufConfig(checkpoint.config, architecture);
  if (className === undefined || refused.length > 0 || values['num_local_experts'] !== undefined) {
    const what =
      className === undefined || refused.length === 0 ? `is of the architecture "${architecture}"` : `sets ${refused.join(', ')}`;
    throw new SemanticError(
      'ModelUnsupported',
      `[convert] ${basename(gguf.path)} ${what}; wanted ${Object.keys(GGUF_CLASSES).join(', ')}, dense`,
    );
  }
  const names = new Set(gguf.tensors.map(({ name }) => name));
  return {
    architectures: [className],
    model_type: architecture,
    ...Object.fromEntries(Object.entries(values).map(([key, value]) => [key, exactly(value)])),
    ...ropeScaling(gguf.path, values),
    num_key_value_heads: values['num_key_value_heads'] ?? values['num_attention_heads'],
    vocab_size: gguf.tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0],
    tie_word_embeddings: !names.has('output.weight'),
    attention_bias: names.has('blk.0.attn_q.bias'),
    hidden_act: 'silu',
    torch_dtype: 'float16',
  };
}

/** Factors of the rotary frequencies are what llama.cpp's converter makes of Llama 3's scaling; config.json has its settings. */
function ropeScaling(path: string, values: Readonly<Record<string, unknown>>): { readonly rope_scaling?: Llama3Scaling } {
  const { rope_type: type, factors } = (values['rope_scaling'] ?? {}) as { readonly rope_type?: unknown; readonly factors?: number[] };
  if (type !== 'factors' || factors === undefined) return {};
  const scaling = llama3Scaling(factors, Number(values['rope_theta'] ?? DEFAULT_ROPE_BASE));
  if (scaling !== null) return { rope_scaling: scaling };
  throw new SemanticError('ModelUnsupported', `[convert] ${basename(path)} has factors of its rotary frequencies that are not Llama 3's`, {
    hint: "Convert the model's safetensors folder instead.",
  });
}

const DEFAULT_ROPE_BASE = 10_000;

/** f32 numbers as people wrote them: 1e-5, not 0.000009999999747378752. */
function exactly(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value;
}

function sourceTensor(rows: OpenRows, path: string, tensor: GgufTensor, heads: Readonly<Record<string, number>>): SourceTensor {
  const { shape, type, offset } = tensor;
  const name = huggingFaceName(tensor.name);
  const rowBytes = (shape.at(-1)! / type.blockElements) * type.blockBytes;
  const head = heads[/\.([qk]_proj)\./.exec(name)?.[1] ?? ''];
  const read = async (first: number, count: number): Promise<Float32Array> =>
    decodeGguf(tensor, await rows.read(path, offset + first * rowBytes, count * rowBytes));
  return {
    name,
    shape,
    type: 'F16',
    isLinear: shape.length === 2,
    rowBytes,
    read: head === undefined || shape.length !== 2 ? read : unpermuted(read, shape[0]! / head),
  };
}

/** llama.cpp's rows of a head are (pair, half), Hugging Face's (half, pair). */
function unpermuted(read: SourceTensor['read'], headDim: number): SourceTensor['read'] {
  return async (first, count) => {
    const head = Math.floor(first / headDim);
    const last = Math.ceil((first + count) / headDim);
    const values = await read(head * headDim, (last - head) * headDim);
    const width = values.length / ((last - head) * headDim);
    const out = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      const row = first + i - head * headDim;
      const [start, inHead] = [row - (row % headDim), row % headDim];
      const from = start + (inHead % (headDim / 2)) * 2 + Math.floor(inHead / (headDim / 2));
      out.set(values.subarray(from * width, (from + 1) * width), i * width);
    }
    return out;
  };
}
