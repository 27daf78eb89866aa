/** What MLX 0.32 makes of a GGUF file: tensor names, types and shapes after its own unpacking. */
import { open } from 'node:fs/promises';
import type { Checkpoint, TensorInfo } from '../../core/domain/checkpoint.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { GgufFile, GgufTensor } from './read-gguf.js';

const GROUP = 32; // elements that share a scale in Q4_0, Q4_1 and Q8_0
/** Types that MLX hands out without loss; its other conversions expand to f16, round, fail, or drop the tensor unsaid. */
const DENSE = new Set(['F32', 'F16']);
const PACKED_BITS: ReadonlyMap<string, number> = new Map([
  ['Q4_0', 4],
  ['Q4_1', 4],
  ['Q8_0', 8],
]);
/** Divisors of the rotary frequencies (llama3 scaling; longrope), too few to leave in the file: passed on as numbers. */
const ROPE_FACTORS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight'];

/** Throws ModelUnsupported naming the tensor and type that MLX does not read. */
export async function ggufCheckpoint(gguf: GgufFile): Promise<Checkpoint> {
  const tensors = new Map<string, TensorInfo>();
  for (const tensor of gguf.tensors) addTensor(gguf.path, tensors, tensor);
  const config: Record<string, unknown> = {};
  for (const [key, value] of gguf.metadata) {
    if (key.startsWith('tokenizer.') && typeof value === 'object') continue;
    config[key] = ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<number | bigint>, Number) : value;
  }
  for (const tensor of gguf.tensors) {
    if (ROPE_FACTORS.includes(tensor.name)) config[tensor.name] = await readFloats(gguf.path, tensor);
  }
  return { format: 'gguf', config, tensors, files: [gguf.path] };
}

function addTensor(path: string, tensors: Map<string, TensorInfo>, tensor: GgufTensor): void {
  const { name, shape, type } = tensor;
  if (DENSE.has(type.name)) {
    tensors.set(name, { dtype: type.name, shape });
    return;
  }
  const bits = PACKED_BITS.get(type.name);
  if (bits === undefined) {
    throw new SemanticError(
      'ModelUnsupported',
      `[gguf.read] ${path}: tensor "${name}" is ${type.name}; wanted one of ${[...DENSE, ...PACKED_BITS.keys()].join(', ')}`,
      { hint: 'Use a Q4_0, Q4_1, Q8_0, F16 or F32 file of this model, or its safetensors folder.' },
    );
  }
  const stem = name.endsWith('.weight') ? name.slice(0, -'.weight'.length) : null;
  if (stem === null || shape.length < 2) {
    throw new SemanticError(
      'ModelUnsupported',
      `[gguf.read] ${path}: tensor "${name}" is ${type.name} of shape [${shape.join(', ')}]; wanted a matrix named *.weight`,
    );
  }
  const rows = shape.slice(0, -1);
  const width = shape[shape.length - 1]!;
  tensors.set(name, { dtype: 'U32', shape: [...rows, (width * bits) / 32] });
  tensors.set(`${stem}.scales`, { dtype: 'F16', shape: [...rows, width / GROUP] });
  tensors.set(`${stem}.biases`, { dtype: 'F16', shape: [...rows, width / GROUP] });
}

async function readFloats(path: string, tensor: GgufTensor): Promise<number[]> {
  if (tensor.type.name !== 'F32') {
    throw new SemanticError('ModelUnsupported', `[gguf.read] ${path}: tensor "${tensor.name}" is ${tensor.type.name}; wanted F32`);
  }
  const file = await open(path, 'r');
  try {
    const buffer = new ArrayBuffer(tensor.bytes);
    await file.read(new Uint8Array(buffer), 0, tensor.bytes, tensor.offset);
    return Array.from(new Float32Array(buffer));
  } finally {
    await file.close();
  }
}
