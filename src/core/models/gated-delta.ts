/** A gated delta net as Qwen 3.5 stores it: q, k and v one below the other, in the convolution too. */
import type { GatedDeltaSpec, TensorRef } from '../domain/decoder-spec.js';
import type { Geometry } from './geometry.js';
import { rowsFrom } from './linear.js';
import { linear, norm, type ModelSource } from './model-source.js';
import { FLOAT_DTYPES } from './tensor-lookup.js';

/** @param stem path of the mixer, `model.layers.0.linear_attn` */
export function buildGatedDelta(source: ModelSource, { hiddenSize, eps }: Geometry, stem: string): GatedDeltaSpec {
  const { config, tensors } = source;
  const keyHeads = config.positiveInteger('linear_num_key_heads');
  const valueHeads = config.positiveInteger('linear_num_value_heads');
  if (valueHeads % keyHeads !== 0) throw config.corrupt('linear_num_value_heads', `a multiple of ${keyHeads} key heads`);
  const keyDim = config.positiveInteger('linear_key_head_dim');
  const valueDim = config.positiveInteger('linear_value_head_dim');
  const kernel = config.positiveInteger('linear_conv_kernel_dim');
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
  const project = (part: string, outFeatures: number) =>
    linear(source, { stem: `${stem}.${part}`, inFeatures: hiddenSize, outFeatures, bias: 'none' });
  const ofQkv = (start: number, outFeatures: number) =>
    linear(source, {
      stem: `${stem}.in_proj_qkv`,
      rows: { of: 2 * keys + values, pick: rowsFrom(start, outFeatures) },
      inFeatures: hiddenSize,
      outFeatures,
      bias: 'none',
    });
  return {
    keyHeads,
    valueHeads,
    keyDim,
    valueDim,
    kernel,
    q: ofQkv(0, keys),
    k: ofQkv(keys, keys),
    v: ofQkv(2 * keys, values),
    z: project('in_proj_z', values),
    b: project('in_proj_b', valueHeads),
    a: project('in_proj_a', valueHeads),
    o: linear(source, { stem: `${stem}.out_proj`, inFeatures: values, outFeatures: hiddenSize, bias: 'none' }),
    conv: convolution(source, `${stem}.conv1d.weight`, 2 * keys + values, kernel),
    aLog: tensors.floats(`${stem}.A_log`, [valueHeads]),
    dtBias: tensors.floats(`${stem}.dt_bias`, [valueHeads]),
    norm: norm(source, `${stem}.norm`, valueDim, eps),
  };
}

/** [channels, kernel, 1] or [channels, 1, kernel]. */
function convolution({ tensors }: ModelSource, name: string, channels: number, kernel: number): TensorRef {
  const isConverted = tensors.info(name).shape[2] === 1;
  tensors.expect(name, FLOAT_DTYPES, isConverted ? [channels, kernel, 1] : [channels, 1, kernel]);
  return { name, ops: [{ op: 'flatten', start: 1 }] };
}
