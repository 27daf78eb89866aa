/** What the decoder of five published models must come out as; configs and shapes are written down, nothing is downloaded. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DecoderSpec, MoeFeedForwardSpec } from '../../../src/core/domain/decoder-spec.js';
import { buildDecoderSpec } from '../../../src/core/models/registry.js';
import { addPerLayer, attentionTensors, checkpoint, denseTensors, type Config, type Sizes, type Tensors } from './published-tensors.js';

function config(name: string): Config {
  return JSON.parse(readFileSync(new URL(`../../fixtures/models/configs/${name}.json`, import.meta.url), 'utf8')) as Config;
}

function build(name: string, tensors: Tensors): DecoderSpec {
  return buildDecoderSpec(checkpoint(config(name), tensors));
}

function withHead(tensors: Tensors, { vocab, hidden }: Sizes): Tensors {
  return tensors.set('lm_head.weight', { dtype: 'BF16', shape: [vocab, hidden] });
}

const { cases: ropes } = JSON.parse(readFileSync(new URL('../../fixtures/models/ropes.json', import.meta.url), 'utf8')) as {
  cases: Record<string, { inverse_frequencies: number[]; attention_factor: number }>;
};

function expectRope(rope: DecoderSpec['ropes'][number], name: string): void {
  const wanted = ropes[name]!;
  expect(rope.inverseFrequencies.length).toBe(wanted.inverse_frequencies.length);
  rope.inverseFrequencies.forEach((f, i) => expect(f / wanted.inverse_frequencies[i]!).toBeCloseTo(1, 9));
  expect(rope.attentionFactor).toBeCloseTo(wanted.attention_factor, 9);
}

describe('Llama 3.1 8B', () => {
  const sizes = { vocab: 128256, hidden: 4096, layers: 32, q: 4096, kv: 1024, feedForward: 14336 };
  const spec = build('llama-3.1-8b', withHead(denseTensors('model.', sizes), sizes));

  it('has 32 layers of 32 heads over 8 kv heads of 128, unwindowed, without biases', () => {
    expect(spec.layers).toHaveLength(32);
    for (const { attention, postAttentionNorm } of spec.layers) {
      expect(attention).toMatchObject({ heads: 32, kvHeads: 8, headDim: 128, window: null, qNorm: null, sinks: null, rope: 0 });
      expect(attention!.scale).toBeCloseTo(128 ** -0.5, 12);
      expect([attention!.q.bias, attention!.o.bias, postAttentionNorm]).toEqual([null, null, null]);
    }
  });

  it('stretches the long wavelengths as transformers does', () => {
    expectRope(spec.ropes[0]!, 'llama-3.1-8b');
    expect(spec.contextLength).toBe(131072);
  });

  it('has a head of its own', () => {
    expect(spec.head).toMatchObject({ inFeatures: 4096, outFeatures: 128256, quantization: null });
    expect(spec.embedding.scale).toBe(1);
  });
});

describe('Qwen 2.5 7B', () => {
  const sizes = { vocab: 152064, hidden: 3584, layers: 28, q: 3584, kv: 512, feedForward: 18944 };
  const tensors = withHead(denseTensors('model.', sizes), sizes);
  addPerLayer(tensors, 'model.', 28, 'self_attn.q_proj.bias', 'BF16', [3584]);
  addPerLayer(tensors, 'model.', 28, 'self_attn.k_proj.bias', 'BF16', [512]);
  addPerLayer(tensors, 'model.', 28, 'self_attn.v_proj.bias', 'BF16', [512]);
  const spec = build('qwen-2.5-7b', tensors);

  it('has biases on q, k and v, none on o, and no window although a sliding_window is stated', () => {
    for (const { attention } of spec.layers) {
      expect(attention!.q.bias).not.toBeNull();
      expect(attention!.k.bias).not.toBeNull();
      expect(attention!.v.bias).not.toBeNull();
      expect(attention!.o.bias).toBeNull();
      expect(attention).toMatchObject({ heads: 28, kvHeads: 4, headDim: 128, window: null });
    }
    expect(spec.contextLength).toBe(32768);
  });

  it('reaches 131072 tokens with the YaRN scaling its model card recommends', () => {
    const scaling = { type: 'yarn', factor: 4.0, original_max_position_embeddings: 32768 };
    const extended = buildDecoderSpec(checkpoint({ ...config('qwen-2.5-7b'), rope_scaling: scaling }, tensors));
    expectRope(extended.ropes[0]!, 'qwen-2.5-7b-yarn');
    expect(extended.contextLength).toBe(131072);
  });

  it('is refused without its biases, naming the tensor', () => {
    const without = new Map([...tensors].filter(([name]) => name !== 'model.layers.3.self_attn.k_proj.bias'));
    expect(() => buildDecoderSpec(checkpoint(config('qwen-2.5-7b'), without))).toThrow(/model\.layers\.3\.self_attn\.k_proj\.bias/);
  });
});

describe('Qwen 3 8B', () => {
  const sizes = { vocab: 151936, hidden: 4096, layers: 36, q: 4096, kv: 1024, feedForward: 12288 };
  const tensors = withHead(denseTensors('model.', sizes), sizes);
  addPerLayer(tensors, 'model.', 36, 'self_attn.q_norm.weight', 'BF16', [128]);
  addPerLayer(tensors, 'model.', 36, 'self_attn.k_norm.weight', 'BF16', [128]);
  const spec = build('qwen3-8b', tensors);

  it('has norms over the heads of q and k and no biases', () => {
    for (const { attention } of spec.layers) {
      expect(attention!.qNorm).toMatchObject({ eps: 1e-6, weightOffset: 0 });
      expect(attention!.kNorm?.weight.name).toMatch(/k_norm\.weight$/);
      expect(attention!.q.bias).toBeNull();
    }
    expect(spec.contextLength).toBe(40960);
  });
});

describe('Gemma 3 12B', () => {
  const sizes = { vocab: 262208, hidden: 3840, layers: 48, q: 4096, kv: 2048, feedForward: 15360 };
  const prefix = 'language_model.model.';
  const tensors = denseTensors(prefix, sizes);
  addPerLayer(tensors, prefix, 48, 'self_attn.q_norm.weight', 'BF16', [256]);
  addPerLayer(tensors, prefix, 48, 'self_attn.k_norm.weight', 'BF16', [256]);
  addPerLayer(tensors, prefix, 48, 'pre_feedforward_layernorm.weight', 'BF16', [3840]);
  addPerLayer(tensors, prefix, 48, 'post_feedforward_layernorm.weight', 'BF16', [3840]);
  const spec = build('gemma-3-12b', tensors);

  it('has every sixth layer global and the other forty windowed to 1024 tokens', () => {
    const global = spec.layers.flatMap(({ attention }, i) => (attention!.window === null ? [i] : []));
    expect(global).toEqual([5, 11, 17, 23, 29, 35, 41, 47]);
    expect(spec.layers.filter(({ attention }) => attention!.window === 1024)).toHaveLength(40);
  });

  it('rotates global layers with base 1e6 and linear scaling, windowed ones with base 1e4 and none', () => {
    const global = spec.ropes[spec.layers[5]!.attention!.rope]!;
    const local = spec.ropes[spec.layers[0]!.attention!.rope]!;
    expectRope(global, 'gemma-3-12b-global');
    expect(local.inverseFrequencies[0]).toBe(1);
    expect(local.inverseFrequencies[64]).toBeCloseTo(10_000 ** -0.5, 12);
  });

  it('scales by 256^-0.5, embeds at sqrt(D) in bf16, and stores every norm less 1', () => {
    expect(spec.embedding.scale).toBe(62); // sqrt(3840) = 61.97
    for (const layer of spec.layers) {
      expect(layer.attention!.scale).toBeCloseTo(1 / 16, 12);
      const norms = [
        layer.inputNorm,
        layer.postAttentionNorm,
        layer.feedForwardNorm,
        layer.postFeedForwardNorm,
        layer.attention!.qNorm,
        layer.attention!.kNorm,
      ];
      expect(norms.map((norm) => norm?.weightOffset)).toEqual([1, 1, 1, 1, 1, 1]);
      expect(layer.feedForward.activation).toEqual({ kind: 'gelu-tanh' });
    }
    expect([spec.finalNorm.weightOffset, spec.head, spec.contextLength]).toEqual([1, null, 131072]);
  });

  it('reads the layout and the rope_parameters that transformers 5 writes', () => {
    const renamed = new Map([...tensors].map(([name, info]) => [name.replace(prefix, 'model.language_model.'), info]));
    const outer = config('gemma-3-12b');
    const { rope_scaling: _, ...text } = outer['text_config'] as Record<string, unknown>;
    const rope_parameters = {
      full_attention: { rope_type: 'linear', factor: 8.0, rope_theta: 1_000_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
    };
    const same = buildDecoderSpec(checkpoint({ ...outer, text_config: { ...text, rope_parameters } }, renamed));
    expect(same.ropes).toEqual(spec.ropes);
    expect(same.layers[0]!.attention!.q.weight.name).toBe('model.language_model.layers.0.self_attn.q_proj.weight');
  });
});

describe('GPT-OSS 20B', () => {
  const sizes = { vocab: 201088, hidden: 2880, layers: 24, q: 4096, kv: 512, feedForward: 2880 };
  const tensors = withHead(attentionTensors('model.', sizes), sizes);
  const add = (part: string, dtype: string, ...shape: number[]): void => addPerLayer(tensors, 'model.', 24, part, dtype, shape);
  add('self_attn.q_proj.bias', 'BF16', 4096);
  add('self_attn.k_proj.bias', 'BF16', 512);
  add('self_attn.v_proj.bias', 'BF16', 512);
  add('self_attn.o_proj.bias', 'BF16', 2880);
  add('self_attn.sinks', 'BF16', 64);
  add('mlp.router.weight', 'BF16', 32, 2880);
  add('mlp.router.bias', 'BF16', 32);
  const attentionOnly = new Map(tensors);
  add('mlp.experts.gate_up_proj_blocks', 'U8', 32, 5760, 90, 16);
  add('mlp.experts.gate_up_proj_scales', 'U8', 32, 5760, 90);
  add('mlp.experts.gate_up_proj_bias', 'BF16', 32, 5760);
  add('mlp.experts.down_proj_blocks', 'U8', 32, 2880, 90, 16);
  add('mlp.experts.down_proj_scales', 'U8', 32, 2880, 90);
  add('mlp.experts.down_proj_bias', 'BF16', 32, 2880);
  const spec = build('gpt-oss-20b', tensors);
  const moe = spec.layers[0]!.feedForward as MoeFeedForwardSpec;

  it('windows the even layers to 128 tokens and gives every head a sink', () => {
    expect(spec.layers.map(({ attention }) => attention!.window)).toEqual(Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? 128 : null)));
    expect(spec.layers[3]!.attention!.sinks?.name).toBe('model.layers.3.self_attn.sinks');
    expect(spec.layers[3]!.attention!.o.bias).not.toBeNull();
  });

  it('applies YaRN as transformers does, without rounding the ramp', () => {
    expectRope(spec.ropes[0]!, 'gpt-oss-20b');
    expect(spec.contextLength).toBe(131072);
  });

  it('picks 4 of 32 experts and takes every other row of gate_up for gate and up', () => {
    expect(moe).toMatchObject({ kind: 'moe', experts: 32, topK: 4, activation: { kind: 'swiglu-clamped', alpha: 1.702, limit: 7 } });
    const rows = (start: number) => ({ op: 'slice', axis: 1, start, stop: null, step: 2 });
    expect(moe.gate.weight.ops).toEqual([{ op: 'view', dtype: 'uint32' }, { op: 'flatten', start: 2 }, rows(0)]);
    expect(moe.up.weight.ops).toEqual([{ op: 'view', dtype: 'uint32' }, { op: 'flatten', start: 2 }, rows(1)]);
    expect(moe.up.bias?.ops).toEqual([rows(1)]);
    expect(moe.down).toMatchObject({
      inFeatures: 2880,
      outFeatures: 2880,
      quantization: { mode: 'mxfp4', bits: 4, groupSize: 32, biases: null },
    });
  });

  it('reads the layout that mlx-community converts to', () => {
    const converted = new Map(attentionOnly);
    for (const part of ['gate_proj', 'up_proj', 'down_proj']) {
      addPerLayer(converted, 'model.', 24, `mlp.experts.${part}.weight`, 'U32', [32, 2880, 360]);
      addPerLayer(converted, 'model.', 24, `mlp.experts.${part}.scales`, 'U8', [32, 2880, 90]);
      addPerLayer(converted, 'model.', 24, `mlp.experts.${part}.bias`, 'BF16', [32, 2880]);
    }
    const up = (build('gpt-oss-20b', converted).layers[7]!.feedForward as MoeFeedForwardSpec).up;
    expect(up.weight).toEqual({ name: 'model.layers.7.mlp.experts.up_proj.weight', ops: [] });
    expect(up.quantization).toMatchObject({ mode: 'mxfp4', bits: 4, groupSize: 32 });
  });

  it('reads experts that transformers dequantized: interleaved columns, transposed', () => {
    const dense = new Map(attentionOnly);
    addPerLayer(dense, 'model.', 24, 'mlp.experts.gate_up_proj', 'BF16', [32, 2880, 5760]);
    addPerLayer(dense, 'model.', 24, 'mlp.experts.gate_up_proj_bias', 'BF16', [32, 5760]);
    addPerLayer(dense, 'model.', 24, 'mlp.experts.down_proj', 'BF16', [32, 2880, 2880]);
    addPerLayer(dense, 'model.', 24, 'mlp.experts.down_proj_bias', 'BF16', [32, 2880]);
    const gate = (build('gpt-oss-20b', dense).layers[0]!.feedForward as MoeFeedForwardSpec).gate;
    expect(gate.weight.ops).toEqual([{ op: 'slice', axis: 2, start: 0, stop: null, step: 2 }, { op: 'transpose' }]);
    expect(gate.quantization).toBeNull();
  });
});
