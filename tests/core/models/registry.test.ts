import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../src/core/domain/checkpoint.js';
import { SemanticError, type ErrorCode } from '../../../src/core/domain/errors.js';
import { buildDecoderSpec, KNOWN_MODEL_TYPES } from '../../../src/core/models/registry.js';
import { checkpoint, denseTensors, type Config, type Tensors } from './published-tensors.js';

const SIZES = { vocab: 256, hidden: 64, layers: 2, q: 64, kv: 32, feedForward: 128 };
const LLAMA: Config = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  vocab_size: 256,
  max_position_embeddings: 512,
};

function llama(changes: Config = {}, change: (tensors: Tensors) => void = () => {}): Checkpoint {
  const tensors = denseTensors('model.', SIZES);
  change(tensors);
  return checkpoint({ ...LLAMA, ...changes }, tensors);
}

function failure(given: Checkpoint): SemanticError {
  try {
    buildDecoderSpec(given);
  } catch (error) {
    if (error instanceof SemanticError) return error;
    throw error;
  }
  throw new Error('wanted an error, got a spec');
}

function expectFailure(given: Checkpoint, code: ErrorCode, message: RegExp): void {
  const error = failure(given);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
}

describe('the registry', () => {
  it('names every architecture it knows when it does not know one', () => {
    expectFailure(
      llama({ model_type: 'mamba2' }),
      'ModelUnsupported',
      /"mamba2" is not known; wanted one of llama, mistral, qwen2, qwen3, gemma3, gemma3_text, gpt_oss, smollm3, phi3, gemma2, qwen3_moe, qwen3_5, qwen3_5_text/,
    );
    expect(KNOWN_MODEL_TYPES).toHaveLength(13);
  });

  it('does not take a property of every object for an architecture', () => {
    expectFailure(llama({ model_type: 'constructor' }), 'ModelUnsupported', /"constructor"/);
  });

  it('names the key when config.json has no model_type', () => {
    expectFailure(llama({ model_type: null }), 'ModelFileCorrupt', /wanted a string at "model_type", got null/);
  });

  it('refuses GGUF metadata that would change the arithmetic of the family', () => {
    const config = { 'general.architecture': 'llama', 'llama.logit_scale': 0.5 };
    expectFailure({ ...llama(), format: 'gguf', config }, 'ModelUnsupported', /llama\.logit_scale/);
  });
});

describe('a config of the wrong kind', () => {
  it.each([
    [{ hidden_size: 'wide' }, /a positive integer at "hidden_size", got "wide"/],
    [{ hidden_size: undefined }, /"hidden_size", got nothing/],
    [{ num_hidden_layers: 0 }, /"num_hidden_layers", got 0/],
    [{ num_key_value_heads: 3 }, /a divisor of 4 heads at "num_key_value_heads", got 3/],
    [{ rms_norm_eps: -1 }, /"rms_norm_eps", got -1/],
    [{ rope_scaling: [1] }, /an object at "rope_scaling"/],
    [{ rope_scaling: { rope_type: 'llama3' } }, /"rope_scaling.factor", got nothing/],
    [{ layer_types: ['full_attention'] }, /a list of 2 strings at "layer_types"/],
    [{ tie_word_embeddings: 'yes' }, /true or false at "tie_word_embeddings"/],
  ])('%j is named with what was wanted', (changes, message) => {
    expectFailure(llama(changes), 'ModelFileCorrupt', message);
  });

  it.each([
    [{ hidden_act: 'relu' }, /"hidden_act", got "relu"/],
    [{ rope_scaling: { rope_type: 'dynamic', factor: 2 } }, /"default", "linear", "llama3", "yarn" or "longrope".*got "dynamic"/],
    [{ rope_traditional: true }, /"rope_traditional", got true/],
    [{ num_local_experts: 8 }, /a dense model/],
    [{ layer_types: ['full_attention', 'linear_attention'] }, /"layer_types"/],
    [
      { quantization_config: { quant_method: 'awq', bits: 4 } },
      /"mxfp4", or weights quantized by MLX at "quantization_config.quant_method", got "awq"/,
    ],
  ])('%j is refused as unsupported', (changes, message) => {
    expectFailure(llama(changes), 'ModelUnsupported', message);
  });
});

describe('tensors that do not fit the config', () => {
  it('are named with both shapes', () => {
    const wrong = llama({}, (tensors) => tensors.set('model.layers.1.mlp.up_proj.weight', { dtype: 'BF16', shape: [128, 32] }));
    expectFailure(wrong, 'ModelFileCorrupt', /"model\.layers\.1\.mlp\.up_proj\.weight": wanted shape \[128, 64\], got \[128, 32\]/);
  });

  it('are named when they are missing', () => {
    expectFailure(
      llama({}, (tensors) => tensors.delete('model.norm.weight')),
      'ModelFileCorrupt',
      /"model\.norm\.weight": wanted this tensor/,
    );
  });

  it('are refused with their type when it is no float', () => {
    const fp8 = llama({}, (tensors) => tensors.set('model.layers.0.self_attn.q_proj.weight', { dtype: 'F8_E4M3', shape: [64, 64] }));
    expectFailure(fp8, 'ModelUnsupported', /q_proj\.weight": wanted F32, F16, BF16, got F8_E4M3/);
  });

  it('include a head that config.json insists on', () => {
    expectFailure(llama({ tie_word_embeddings: false }), 'ModelFileCorrupt', /"lm_head\.weight"/);
  });
});

describe('the head', () => {
  const withHead = (tensors: Tensors): void => void tensors.set('lm_head.weight', { dtype: 'BF16', shape: [256, 64] });

  it('is tied where config.json says so, even if the file carries a copy', () => {
    expect(buildDecoderSpec(llama({ tie_word_embeddings: true }, withHead)).head).toBeNull();
  });

  it('follows the tensors where config.json is silent', () => {
    expect(buildDecoderSpec(llama()).head).toBeNull();
    expect(buildDecoderSpec(llama({}, withHead)).head?.weight.name).toBe('lm_head.weight');
  });
});

describe('Mistral', () => {
  it('windows every layer where sliding_window is set, and none where it is null', () => {
    const windows = (changes: Config) =>
      buildDecoderSpec(llama({ model_type: 'mistral', ...changes })).layers.map(({ attention }) => attention!.window);
    expect(windows({ sliding_window: 4096 })).toEqual([4096, 4096]);
    expect(windows({ sliding_window: null })).toEqual([null, null]);
  });
});

describe('Qwen 3', () => {
  it('windows the layers from max_window_layers on when use_sliding_window is set', () => {
    const given = llama(
      { model_type: 'qwen3', rope_theta: 1e6, use_sliding_window: true, sliding_window: 32, max_window_layers: 1, head_dim: 16 },
      (tensors) => {
        for (const i of [0, 1])
          for (const part of ['q_norm', 'k_norm']) tensors.set(`model.layers.${i}.self_attn.${part}.weight`, { dtype: 'F32', shape: [16] });
      },
    );
    expect(buildDecoderSpec(given).layers.map(({ attention }) => attention!.window)).toEqual([null, 32]);
  });
});

describe('SmolLM3', () => {
  const turning = (changes: Config) =>
    buildDecoderSpec(llama({ model_type: 'smollm3', ...changes })).layers.map(({ attention }) => attention!.rope);

  it('turns q and k in the layers whose flag in no_rope_layers is 1, and in the others by no angle at all', () => {
    expect(turning({ no_rope_layers: [0, 1] })).toEqual([1, 0]);
    const spec = buildDecoderSpec(llama({ model_type: 'smollm3', no_rope_layers: [0, 1] }));
    expect(spec.ropes[1]).toEqual({ dims: 2, inverseFrequencies: [0], attentionFactor: 1 });
  });

  it('leaves out every no_rope_layer_interval-th layer where no list is given', () => {
    expect(turning({ no_rope_layer_interval: 2 })).toEqual([0, 1]);
    expect(turning({})).toEqual([0, 0]);
  });

  it.each([
    [{ no_rope_layers: [1] }, 'ModelFileCorrupt', /a list of 2 flags, 0 or 1 at "no_rope_layers", got \[1\]/],
    [{ no_rope_layers: [1, 2] }, 'ModelFileCorrupt', /flags, 0 or 1/],
    [{ use_sliding_window: true }, 'ModelUnsupported', /"use_sliding_window", got true/],
  ] as const)('refuses %j', (changes, code, message) => {
    expectFailure(llama({ model_type: 'smollm3', ...changes }), code, message);
  });
});

describe('Phi 3', () => {
  const phi3 = (changes: Config = {}, change: (tensors: Tensors) => void = () => {}): Checkpoint =>
    llama({ model_type: 'phi3', ...changes }, (tensors) => {
      for (const i of [0, 1]) {
        for (const part of ['self_attn.q', 'self_attn.k', 'self_attn.v', 'mlp.gate', 'mlp.up'])
          tensors.delete(`model.layers.${i}.${part}_proj.weight`);
        tensors.set(`model.layers.${i}.self_attn.qkv_proj.weight`, { dtype: 'F16', shape: [128, 64] });
        tensors.set(`model.layers.${i}.mlp.gate_up_proj.weight`, { dtype: 'F16', shape: [256, 64] });
      }
      change(tensors);
    });
  const rows = (start: number, stop: number) => [{ op: 'slice', axis: 0, start, stop, step: 1 }];
  const longrope = { type: 'longrope', short_factor: Array(8).fill(1), long_factor: [1, 2, 3, 4, 5, 6, 7, 8] };

  it('takes q, k and v as rows of one matrix, and gate and up as rows of another', () => {
    const { attention, feedForward } = buildDecoderSpec(phi3()).layers[1]!;
    expect([attention!.q, attention!.k, attention!.v].map(({ weight }) => weight.ops)).toEqual([rows(0, 64), rows(64, 96), rows(96, 128)]);
    expect([feedForward.gate, feedForward.up].map(({ weight }) => weight.ops)).toEqual([rows(0, 128), rows(128, 256)]);
    expect(attention!.k.weight.name).toBe('model.layers.1.self_attn.qkv_proj.weight');
  });

  it('names a fused matrix whose rows are not those of q, k and v', () => {
    const wrong = phi3({}, (tensors) => tensors.set('model.layers.0.self_attn.qkv_proj.weight', { dtype: 'F16', shape: [192, 64] }));
    expectFailure(wrong, 'ModelFileCorrupt', /qkv_proj\.weight": wanted shape \[128, 64\], got \[192, 64\]/);
  });

  it('has no window where the one that is stated is wider than the context', () => {
    const windows = (sliding_window: number | null) =>
      buildDecoderSpec(phi3({ sliding_window })).layers.map(({ attention }) => attention!.window);
    expect([windows(64), windows(262_144), windows(null)]).toEqual([
      [64, 64],
      [null, null],
      [null, null],
    ]);
  });

  it('divides frequencies by the long factors where the context is longer than the original one, else by the short ones', () => {
    const rope = (original: number) =>
      buildDecoderSpec(phi3({ rope_scaling: longrope, original_max_position_embeddings: original })).ropes[0]!;
    expect(rope(64).inverseFrequencies[7]! * 8).toBeCloseTo(rope(512).inverseFrequencies[7]!, 12);
    expect(rope(64).attentionFactor).toBeCloseTo(Math.sqrt(1 + Math.log(8) / Math.log(64)), 12);
    expect(rope(512).attentionFactor).toBe(1);
  });

  it('names factors that are not one for every pair of rotated elements', () => {
    const cut = phi3({ rope_scaling: longrope, original_max_position_embeddings: 64, partial_rotary_factor: 0.5 });
    expectFailure(cut, 'ModelFileCorrupt', /a list of 4 positive numbers at "rope_scaling\.long_factor"/);
  });
});

describe('Gemma 2', () => {
  const gemma2 = (changes: Config = {}): Checkpoint =>
    llama({ model_type: 'gemma2', head_dim: 16, query_pre_attn_scalar: 64, sliding_window: 32, ...changes }, (tensors) => {
      for (const i of [0, 1])
        for (const part of ['pre', 'post'])
          tensors.set(`model.layers.${i}.${part}_feedforward_layernorm.weight`, { dtype: 'BF16', shape: [64] });
    });

  it('windows every other layer, caps scores and logits, and scales by query_pre_attn_scalar', () => {
    const spec = buildDecoderSpec(gemma2({ attn_logit_softcapping: 50, final_logit_softcapping: 30 }));
    expect(spec.layers.map(({ attention }) => [attention!.window, attention!.softcap, attention!.scale])).toEqual([
      [32, 50, 1 / 8],
      [null, 50, 1 / 8],
    ]);
    expect([spec.logitSoftcap, spec.embedding.scale, spec.finalNorm.weightOffset]).toEqual([30, 8, 1]);
  });

  it('caps nothing where config.json says null', () => {
    const spec = buildDecoderSpec(gemma2({ attn_logit_softcapping: null, final_logit_softcapping: null }));
    expect([spec.logitSoftcap, spec.layers[0]!.attention!.softcap]).toEqual([null, null]);
  });
});

describe('the mixtures of Qwen 3', () => {
  const EXPERTS = { num_experts: 4, num_experts_per_tok: 2, moe_intermediate_size: 32, decoder_sparse_step: 1, mlp_only_layers: [] };
  const moe = (changes: Config = {}, change: (tensors: Tensors) => void = () => {}): Checkpoint =>
    llama({ model_type: 'qwen3_moe', rope_theta: 1e6, head_dim: 16, ...EXPERTS, ...changes }, (tensors) => {
      for (const i of [0, 1]) {
        const add = (part: string, ...shape: number[]) => tensors.set(`model.layers.${i}.${part}.weight`, { dtype: 'BF16', shape });
        for (const part of ['q_norm', 'k_norm']) add(`self_attn.${part}`, 16);
        add('mlp.gate', 4, 64);
        for (const part of ['gate', 'up']) add(`mlp.switch_mlp.${part}_proj`, 4, 32, 64);
        add('mlp.switch_mlp.down_proj', 4, 64, 32);
      }
      change(tensors);
    });
  const kinds = (changes: Config) => buildDecoderSpec(moe(changes)).layers.map(({ feedForward }) => feedForward.kind);

  it('are in every decoder_sparse_step-th layer that mlp_only_layers does not name', () => {
    expect(kinds({})).toEqual(['moe', 'moe']);
    expect(kinds({ decoder_sparse_step: 2 })).toEqual(['dense', 'moe']);
    expect(kinds({ mlp_only_layers: [1] })).toEqual(['moe', 'dense']);
  });

  it('weigh the chosen experts as norm_topk_prob says', () => {
    const over = (norm_topk_prob: boolean) => buildDecoderSpec(moe({ norm_topk_prob })).layers[0]!.feedForward;
    expect([over(true), over(false)]).toMatchObject([{ softmaxOver: 'chosen' }, { softmaxOver: 'all' }]);
  });

  it('are refused by name where every expert is a tensor of its own', () => {
    const single = moe({}, (tensors) => {
      for (let e = 0; e < 4; e++) tensors.set(`model.layers.0.mlp.experts.${e}.gate_proj.weight`, { dtype: 'BF16', shape: [32, 64] });
    });
    expectFailure(
      single,
      'ModelUnsupported',
      /experts\.0\.gate_proj\.weight": experts in tensors of their own .*switch_mlp\.gate_proj\.weight/,
    );
  });

  it.each([
    [{ num_experts_per_tok: 5 }, /at most 4, the number of experts at "num_experts_per_tok", got 5/],
    [{ mlp_only_layers: [2] }, /a list of layers 0\.\.1 at "mlp_only_layers", got \[2\]/],
    [{ num_experts: 0 }, /"num_experts", got 0/],
  ])('are refused with %j', (changes, message) => {
    expectFailure(moe(changes), 'ModelFileCorrupt', message);
  });
});

describe('Qwen 3.5', () => {
  const TEXT = {
    ...LLAMA,
    model_type: 'qwen3_5_text',
    num_hidden_layers: 4,
    head_dim: 16,
    linear_num_key_heads: 2,
    linear_num_value_heads: 4,
    linear_key_head_dim: 8,
    linear_value_head_dim: 16,
    linear_conv_kernel_dim: 4,
    rope_parameters: { rope_type: 'default', rope_theta: 1e7, partial_rotary_factor: 0.25, mrope_section: [1, 1, 0] },
  };
  const [KEYS, VALUES] = [16, 64];
  /** `body` as the layout has it; `conv` [channels, ...]. */
  function qwen35(changes: Config = {}, body = 'model.language_model.', conv = [2 * KEYS + VALUES, 1, 4]): Checkpoint {
    const tensors: Tensors = new Map();
    const add = (name: string, ...shape: number[]): void => void tensors.set(name, { dtype: 'BF16', shape });
    add(`${body}embed_tokens.weight`, 256, 64);
    add(`${body}norm.weight`, 64);
    for (let i = 0; i < 4; i++) {
      const layer = (part: string, ...shape: number[]): void => add(`${body}layers.${i}.${part}`, ...shape);
      for (const part of ['input_layernorm', 'post_attention_layernorm']) layer(`${part}.weight`, 64);
      for (const part of ['gate', 'up']) layer(`mlp.${part}_proj.weight`, 128, 64);
      layer('mlp.down_proj.weight', 64, 128);
      if (i === 3) {
        layer('self_attn.q_proj.weight', 2 * 64, 64);
        for (const part of ['k', 'v']) layer(`self_attn.${part}_proj.weight`, 32, 64);
        layer('self_attn.o_proj.weight', 64, 64);
        for (const part of ['q', 'k']) layer(`self_attn.${part}_norm.weight`, 16);
        continue;
      }
      layer('linear_attn.in_proj_qkv.weight', 2 * KEYS + VALUES, 64);
      layer('linear_attn.in_proj_z.weight', VALUES, 64);
      for (const part of ['a', 'b']) layer(`linear_attn.in_proj_${part}.weight`, 4, 64);
      layer('linear_attn.conv1d.weight', ...conv);
      for (const part of ['A_log', 'dt_bias']) layer(`linear_attn.${part}`, 4);
      layer('linear_attn.norm.weight', 16);
      layer('linear_attn.out_proj.weight', 64, VALUES);
    }
    return checkpoint({ model_type: 'qwen3_5', tie_word_embeddings: true, text_config: { ...TEXT, ...changes } }, tensors);
  }

  it('has three layers that recur to one that attends, with a gate on its heads and a quarter of them rotated', () => {
    const spec = buildDecoderSpec(qwen35());
    expect(spec.layers.map(({ attention, recurrence }) => [attention !== undefined, recurrence !== undefined])).toEqual([
      [false, true],
      [false, true],
      [false, true],
      [true, false],
    ]);
    const { attention } = spec.layers[3]!;
    expect([attention!.q, attention!.gate!].map(({ weight }) => weight.ops)).toEqual([
      [{ op: 'group-rows', groups: 4, start: 0, stop: 16 }],
      [{ op: 'group-rows', groups: 4, start: 16, stop: 32 }],
    ]);
    expect(spec.ropes[0]!.dims).toBe(4);
    expect(spec.layers[0]!.recurrence).toMatchObject({ keyHeads: 2, valueHeads: 4, keyDim: 8, valueDim: 16, kernel: 4 });
  });

  it('stores its norms less 1 as published, and as they are once mlx-lm has converted it', () => {
    const offsets = (given: Checkpoint) => {
      const { finalNorm, layers } = buildDecoderSpec(given);
      return [finalNorm, layers[3]!.attention!.qNorm!, layers[0]!.inputNorm, layers[0]!.recurrence!.norm].map(
        ({ weightOffset }) => weightOffset,
      );
    };
    expect(offsets(qwen35())).toEqual([1, 1, 1, 0]);
    expect(offsets(qwen35({}, 'language_model.model.', [2 * KEYS + VALUES, 4, 1]))).toEqual([0, 0, 0, 0]);
  });

  it('is read as a text model alone too', () => {
    const { config, ...rest } = qwen35({}, 'model.');
    const alone = buildDecoderSpec({ ...rest, config: config['text_config'] as Config });
    expect(alone.layers[0]!.recurrence!.q.weight.name).toBe('model.layers.0.linear_attn.in_proj_qkv.weight');
  });

  it.each([
    [{ num_experts: 8 }, 'ModelUnsupported', /a dense model at "(text_config\.)?num_experts", got 8/],
    [{ attn_output_gate: false }, 'ModelUnsupported', /attn_output_gate", got false/],
    [
      { layer_types: ['full_attention', 'full_attention', 'linear_attention', 'sliding_attention'] },
      'ModelUnsupported',
      /"full_attention" or "linear_attention" for every layer/,
    ],
    [{ linear_num_value_heads: 3 }, 'ModelFileCorrupt', /a multiple of 2 key heads/],
    [{ linear_conv_kernel_dim: 5 }, 'ModelFileCorrupt', /conv1d\.weight": wanted shape \[96, 1, 5\], got \[96, 1, 4\]/],
    [{ rope_parameters: { rope_theta: 1e7, partial_rotary_factor: 0.1 } }, 'ModelUnsupported', /at least one pair of a head/],
  ] as const)('refuses %j', (changes, code, message) => {
    expectFailure(qwen35(changes), code, message);
  });
});
