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
      /"mamba2" is not known; wanted one of llama, mistral, qwen2, qwen3, gemma3, gemma3_text, gpt_oss/,
    );
    expect(KNOWN_MODEL_TYPES).toHaveLength(7);
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
    [{ rope_scaling: { rope_type: 'dynamic', factor: 2 } }, /"default", "linear", "llama3" or "yarn".*got "dynamic"/],
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
      buildDecoderSpec(llama({ model_type: 'mistral', ...changes })).layers.map(({ attention }) => attention.window);
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
    expect(buildDecoderSpec(given).layers.map(({ attention }) => attention.window)).toEqual([null, 32]);
  });
});
