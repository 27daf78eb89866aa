/** The experts of GPT-OSS in the three layouts they are published in. E experts, D hidden, F feed-forward. */
import type { Activation, LinearSpec, MoeFeedForwardSpec, TensorOp, TensorRef } from '../domain/decoder-spec.js';
import type { ConfigReader } from './config-reader.js';
import type { Geometry } from './geometry.js';
import { linear, type ModelSource } from './model-source.js';
import { FLOAT_DTYPES } from './tensor-lookup.js';

type Experts = Pick<MoeFeedForwardSpec, 'gate' | 'up' | 'down'>;

const GROUP = 32; // fp4 values that share a scale
const BLOCK_BYTES = 16; // 32 fp4 values

/** Every other row, beginning with the gate's; the checkpoint interleaves gate and up. */
const GATE = 0;
const UP = 1;

/** @param stem path of the feed-forward, `model.layers.0.mlp` */
export function buildExperts(source: ModelSource, geometry: Geometry, stem: string, activation: Activation): MoeFeedForwardSpec {
  const { config } = source;
  const experts = config.positiveInteger('num_local_experts');
  const topK = config.positiveInteger(config.has('num_experts_per_tok') ? 'num_experts_per_tok' : 'experts_per_token');
  checkTopK(config, topK, experts);
  const router = linear(source, { stem: `${stem}.router`, inFeatures: geometry.hiddenSize, outFeatures: experts, bias: 'required' });
  const layout = pickLayout(source, `${stem}.experts`);
  return { kind: 'moe', activation, experts, topK, softmaxOver: 'chosen', router, ...layout(source, geometry, experts, `${stem}.experts`) };
}

function checkTopK(config: ConfigReader, topK: number, experts: number): void {
  if (topK > experts) throw config.corrupt('num_experts_per_tok', `at most ${experts}, the number of experts`);
}

type Layout = (source: ModelSource, geometry: Geometry, experts: number, stem: string) => Experts;

function pickLayout({ tensors }: ModelSource, stem: string): Layout {
  if (tensors.has(`${stem}.gate_up_proj_blocks`)) return blockLayout;
  if (tensors.has(`${stem}.gate_up_proj`)) return floatLayout;
  return convertedLayout;
}

/** mlx-community: gate, up and down apart, each a stacked linear of MLX's. */
function convertedLayout(source: ModelSource, { hiddenSize, feedForward }: Geometry, experts: number, stem: string): Experts {
  const part = (name: string, inFeatures: number, outFeatures: number) =>
    linear(source, { stem: `${stem}.${name}`, inFeatures, outFeatures, experts, bias: 'required' });
  return {
    gate: part('gate_proj', hiddenSize, feedForward),
    up: part('up_proj', hiddenSize, feedForward),
    down: part('down_proj', feedForward, hiddenSize),
  };
}

/** OpenAI's own files: uint8 blocks [E, out, in / 32, 16] and scales [E, out, in / 32]; gate and up interleaved by row. */
function blockLayout(source: ModelSource, { hiddenSize, feedForward }: Geometry, experts: number, stem: string): Experts {
  const { tensors } = source;
  const part = (name: string, inFeatures: number, outRows: number, rows: readonly TensorOp[], outFeatures: number): LinearSpec => {
    tensors.expect(`${stem}.${name}_blocks`, ['U8'], [experts, outRows, inFeatures / GROUP, BLOCK_BYTES]);
    tensors.expect(`${stem}.${name}_scales`, ['U8'], [experts, outRows, inFeatures / GROUP]);
    tensors.expect(`${stem}.${name}_bias`, FLOAT_DTYPES, [experts, outRows]);
    const packed: readonly TensorOp[] = [
      { op: 'view', dtype: 'uint32' },
      { op: 'flatten', start: 2 },
    ]; // [E, out, in / 8]
    return {
      weight: { name: `${stem}.${name}_blocks`, ops: [...packed, ...rows] },
      inFeatures,
      outFeatures,
      bias: { name: `${stem}.${name}_bias`, ops: rows },
      quantization: { mode: 'mxfp4', bits: 4, groupSize: GROUP, scales: { name: `${stem}.${name}_scales`, ops: rows }, biases: null },
    };
  };
  const gateUp = (first: number) => part('gate_up_proj', hiddenSize, 2 * feedForward, [everyOther(1, first)], feedForward);
  return { gate: gateUp(GATE), up: gateUp(UP), down: part('down_proj', feedForward, hiddenSize, [], hiddenSize) };
}

/** Dequantized by transformers: gate_up [E, D, 2F] and down [E, F, D], the transpose of a linear's. */
function floatLayout(source: ModelSource, { hiddenSize, feedForward }: Geometry, experts: number, stem: string): Experts {
  const { tensors } = source;
  const part = (name: string, inFeatures: number, outColumns: number, first: number | null, outFeatures: number): LinearSpec => {
    tensors.expect(`${stem}.${name}`, FLOAT_DTYPES, [experts, inFeatures, outColumns]);
    tensors.expect(`${stem}.${name}_bias`, FLOAT_DTYPES, [experts, outColumns]);
    const pick = (axis: number): readonly TensorOp[] => (first === null ? [] : [everyOther(axis, first)]);
    const bias: TensorRef = { name: `${stem}.${name}_bias`, ops: pick(1) };
    return {
      weight: { name: `${stem}.${name}`, ops: [...pick(2), { op: 'transpose' }] },
      inFeatures,
      outFeatures,
      bias,
      quantization: null,
    };
  };
  const gateUp = (first: number) => part('gate_up_proj', hiddenSize, 2 * feedForward, first, feedForward);
  return { gate: gateUp(GATE), up: gateUp(UP), down: part('down_proj', feedForward, hiddenSize, null, hiddenSize) };
}

function everyOther(axis: number, start: number): TensorOp {
  return { op: 'slice', axis, start, stop: null, step: 2 };
}
