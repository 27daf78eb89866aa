import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TensorInfo } from '../../../src/core/domain/checkpoint.js';
import { buildLinear } from '../../../src/core/models/linear.js';
import { readQuantizationConfig, type QuantizationConfig } from '../../../src/core/models/quantization-config.js';
import { TensorLookup } from '../../../src/core/models/tensor-lookup.js';
import { checkpoint } from './published-tensors.js';

const OUT = 48;

/** `layer.*` as MLX packs [OUT, inFeatures]. */
function packed(inFeatures: number, bits: number, groupSize: number, scales = 'F16'): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>([
    ['layer.weight', { dtype: 'U32', shape: [OUT, (inFeatures * bits) / 32] }],
    ['layer.scales', { dtype: scales, shape: [OUT, inFeatures / groupSize] }],
  ]);
  if (scales !== 'U8') tensors.set('layer.biases', { dtype: scales, shape: [OUT, inFeatures / groupSize] });
  return tensors;
}

function config(quantization: Record<string, unknown>): QuantizationConfig {
  return readQuantizationConfig('test', checkpoint({ quantization }, new Map()));
}

function build(tensors: Map<string, TensorInfo>, inFeatures: number, quantization = config({})) {
  return buildLinear(new TensorLookup('test', tensors), quantization, { stem: 'layer', inFeatures, outFeatures: OUT, bias: 'optional' });
}

describe('a packed linear layer', () => {
  it('has the bits and groups that its shapes say, for every format of MLX', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 3, 4, 5, 6, 8),
        fc.constantFrom(32, 64, 128),
        fc.integer({ min: 1, max: 8 }),
        (bits, groupSize, groups) => {
          const inFeatures = groupSize * groups;
          expect(build(packed(inFeatures, bits, groupSize), inFeatures).quantization).toMatchObject({ mode: 'affine', bits, groupSize });
        },
      ),
    );
  });

  it('is mxfp4 when its scales are bytes', () => {
    expect(build(packed(64, 4, 32, 'U8'), 64).quantization).toMatchObject({ mode: 'mxfp4', bits: 4, groupSize: 32, biases: null });
  });

  it.each([
    ['nvfp4', packed(64, 4, 16, 'U8'), /4 bits in groups of 16 with U8 scales/],
    ['mxfp8', packed(64, 8, 32, 'U8'), /8 bits in groups of 32 with U8 scales/],
    ['a group size MLX does not have', packed(512, 4, 256), /4 bits in groups of 256/],
  ])('is refused when it is %s', (_, tensors, message) => {
    const inFeatures = (tensors.get('layer.scales')!.shape[1] ?? 0) * Number(/groups of (\d+)/.exec(message.source)![1]);
    expect(() => build(tensors, inFeatures)).toThrow(message);
  });

  it('is refused as corrupt without its biases', () => {
    const tensors = packed(64, 4, 32);
    tensors.delete('layer.biases');
    expect(() => build(tensors, 64)).toThrow(/"layer\.biases": wanted this tensor/);
  });
});

describe('overrides of config.json', () => {
  it('agree with the shapes or are an error that says both', () => {
    expect(build(packed(64, 4, 32), 64, config({ bits: 8, group_size: 64, layer: { bits: 4, group_size: 32 } })).quantization?.bits).toBe(
      4,
    );
    const wrong = () => build(packed(64, 4, 32), 64, config({ bits: 4, group_size: 32, layer: { bits: 6, group_size: 32 } }));
    expect(wrong).toThrow(/wanted affine of 6 bits in groups of 32, as config\.json says, got affine of 4 bits in groups of 32/);
  });

  it('that say false want a dense weight', () => {
    expect(() => build(packed(64, 4, 32), 64, config({ bits: 4, group_size: 32, layer: false }))).toThrow(/wanted a dense weight/);
    const dense = new Map<string, TensorInfo>([['layer.weight', { dtype: 'BF16', shape: [OUT, 64] }]]);
    expect(build(dense, 64, config({ bits: 4, group_size: 32, layer: false })).quantization).toBeNull();
  });

  it('of the wrong kind are an error', () => {
    expect(() => build(packed(64, 4, 32), 64, config({ layer: 7 }))).toThrow(/an object at "quantization\.layer", got 7/);
  });
});
