/** A mixture of experts as Qwen and its kin have it: a router over experts that are all alike, without biases. */
import type { Activation, MoeFeedForwardSpec } from '../domain/decoder-spec.js';
import { linear, type ModelSource } from './model-source.js';

export interface ExpertSizes {
  readonly hiddenSize: number;
  readonly experts: number;
  readonly topK: number;
  /** F of one expert. */
  readonly width: number;
  /** The router's softmax goes over the chosen experts only (`norm_topk_prob`). */
  readonly normalized: boolean;
}

/** Each a path without `.weight`; experts are stacked, [E, out, in]. */
interface ExpertNames {
  readonly router: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

export function readExpertSizes({ config }: ModelSource, hiddenSize: number): ExpertSizes {
  const experts = config.positiveInteger('num_experts');
  const topK = config.positiveInteger('num_experts_per_tok');
  if (topK > experts) throw config.corrupt('num_experts_per_tok', `at most ${experts}, the number of experts`);
  const width = config.positiveInteger('moe_intermediate_size');
  return { hiddenSize, experts, topK, width, normalized: config.boolean('norm_topk_prob', false) };
}

export function buildSwitchExperts(source: ModelSource, sizes: ExpertSizes, layer: number, activation: Activation): MoeFeedForwardSpec {
  const { hiddenSize, experts, width } = sizes;
  const names = source.format === 'gguf' ? ggufExperts(layer) : convertedExperts(source, layer);
  const stacked = (stem: string, inFeatures: number, outFeatures: number) =>
    linear(source, { stem, inFeatures, outFeatures, experts, bias: 'none' });
  return {
    kind: 'moe',
    activation,
    experts,
    topK: sizes.topK,
    softmaxOver: sizes.normalized ? 'chosen' : 'all',
    router: linear(source, { stem: names.router, inFeatures: hiddenSize, outFeatures: experts, bias: 'none' }),
    gate: stacked(names.gate, hiddenSize, width),
    up: stacked(names.up, hiddenSize, width),
    down: stacked(names.down, width, hiddenSize),
  };
}

/** As mlx-lm and mlx-community convert them. Throws ModelUnsupported for the files Hugging Face publishes, one tensor per expert. */
function convertedExperts({ tensors }: ModelSource, layer: number): ExpertNames {
  const stem = `model.layers.${layer}.mlp`;
  const single = `${stem}.experts.0.gate_proj.weight`;
  if (tensors.has(single)) {
    throw tensors.unsupported(
      single,
      `experts in tensors of their own are not read; wanted "${stem}.switch_mlp.gate_proj.weight", as mlx-lm converts them`,
    );
  }
  const part = (name: string): string => `${stem}.switch_mlp.${name}_proj`;
  return { router: `${stem}.gate`, gate: part('gate'), up: part('up'), down: part('down') };
}

function ggufExperts(layer: number): ExpertNames {
  const part = (name: string): string => `blk.${layer}.ffn_${name}`;
  return { router: part('gate_inp'), gate: part('gate_exps'), up: part('up_exps'), down: part('down_exps') };
}
