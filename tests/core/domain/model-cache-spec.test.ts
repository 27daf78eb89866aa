/** What the KV cache of published models costs, from their configurations by way of the registry. MB is 2^20 bytes here. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KV_FORMATS, type KvFormat } from '../../../src/core/domain/kv-format.js';
import { kvLayersOf, ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { buildDecoderSpec } from '../../../src/core/models/registry.js';
import {
  addPerLayer,
  attentionTensors,
  checkpoint,
  type Config,
  denseTensors,
  type Sizes,
  type Tensors,
} from '../models/published-tensors.js';

const MB = 2 ** 20;

function cacheSpec(name: string, tensors: Tensors, format: KvFormat): ModelCacheSpec {
  const config = JSON.parse(readFileSync(new URL(`../../fixtures/models/configs/${name}.json`, import.meta.url), 'utf8')) as Config;
  return new ModelCacheSpec(kvLayersOf(buildDecoderSpec(checkpoint(config, tensors))), format);
}

function withHead(tensors: Tensors, { vocab, hidden }: Sizes): Tensors {
  return tensors.set('lm_head.weight', { dtype: 'BF16', shape: [vocab, hidden] });
}

function llama8b(format: KvFormat): ModelCacheSpec {
  const sizes = { vocab: 128256, hidden: 4096, layers: 32, q: 4096, kv: 1024, feedForward: 14336 };
  return cacheSpec('llama-3.1-8b', withHead(denseTensors('model.', sizes), sizes), format);
}

function qwen(name: 'qwen-2.5-7b' | 'qwen-2.5-14b', sizes: Sizes, format: KvFormat): ModelCacheSpec {
  const tensors = withHead(denseTensors('model.', sizes), sizes);
  addPerLayer(tensors, 'model.', sizes.layers, 'self_attn.q_proj.bias', 'BF16', [sizes.q]);
  addPerLayer(tensors, 'model.', sizes.layers, 'self_attn.k_proj.bias', 'BF16', [sizes.kv]);
  addPerLayer(tensors, 'model.', sizes.layers, 'self_attn.v_proj.bias', 'BF16', [sizes.kv]);
  return cacheSpec(name, tensors, format);
}

function qwen7b(format: KvFormat): ModelCacheSpec {
  return qwen('qwen-2.5-7b', { vocab: 152064, hidden: 3584, layers: 28, q: 3584, kv: 512, feedForward: 18944 }, format);
}

function qwen14b(format: KvFormat): ModelCacheSpec {
  return qwen('qwen-2.5-14b', { vocab: 152064, hidden: 5120, layers: 48, q: 5120, kv: 1024, feedForward: 13824 }, format);
}

function gemma12b(format: KvFormat): ModelCacheSpec {
  const prefix = 'language_model.model.';
  const tensors = denseTensors(prefix, { vocab: 262208, hidden: 3840, layers: 48, q: 4096, kv: 2048, feedForward: 15360 });
  for (const norm of ['self_attn.q_norm', 'self_attn.k_norm']) addPerLayer(tensors, prefix, 48, `${norm}.weight`, 'BF16', [256]);
  for (const norm of ['pre', 'post']) addPerLayer(tensors, prefix, 48, `${norm}_feedforward_layernorm.weight`, 'BF16', [3840]);
  return cacheSpec('gemma-3-12b', tensors, format);
}

function gptOss20b(format: KvFormat): ModelCacheSpec {
  const sizes = { vocab: 201088, hidden: 2880, layers: 24, q: 4096, kv: 512, feedForward: 2880 };
  const tensors = withHead(attentionTensors('model.', sizes), sizes);
  const add = (part: string, dtype: string, ...shape: number[]): void => addPerLayer(tensors, 'model.', 24, part, dtype, shape);
  for (const [part, width] of [['q', 4096] as const, ['k', 512] as const, ['v', 512] as const, ['o', 2880] as const]) {
    add(`self_attn.${part}_proj.bias`, 'BF16', width);
  }
  add('self_attn.sinks', 'BF16', 64);
  add('mlp.router.weight', 'BF16', 32, 2880);
  add('mlp.router.bias', 'BF16', 32);
  for (const [part, rows] of [['gate_up', 5760] as const, ['down', 2880] as const]) {
    add(`mlp.experts.${part}_proj_blocks`, 'U8', 32, rows, 90, 16);
    add(`mlp.experts.${part}_proj_scales`, 'U8', 32, rows, 90);
    add(`mlp.experts.${part}_proj_bias`, 'BF16', 32, rows);
  }
  return cacheSpec('gpt-oss-20b', tensors, format);
}

const megabytes = (spec: ModelCacheSpec, tokens: number): number => spec.bytesOf(spec.blocksFor(tokens)) / MB;

describe('published models', () => {
  test('Llama 3.1 8B: 32 global layers, 8 KV heads of 128: 128 KiB a token at 16 bits, 1024 MB for 8K', () => {
    const spec = llama8b('f16');
    expect(spec.kinds).toMatchObject([{ kvHeads: 8, headDim: 128, window: null, layers: 32, bytesPerToken: 131_072, blockBytes: 32 * MB }]);
    expect([spec.bytesPerToken, megabytes(spec, 8192)]).toEqual([131_072, 1024]);
  });

  test('Qwen 2.5 7B: 28 global layers, 4 KV heads of 128: 56 KiB a token at 16 bits, 448 MB for 8K', () => {
    const spec = qwen7b('bf16');
    expect(spec.kinds).toMatchObject([{ kvHeads: 4, headDim: 128, window: null, layers: 28 }]);
    expect([spec.bytesPerToken, megabytes(spec, 8192)]).toEqual([57_344, 448]);
  });

  test('Qwen 2.5 14B: 48 global layers, 8 KV heads of 128: 192 KiB a token at 16 bits, 1536 MB for 8K', () => {
    const spec = qwen14b('f16');
    expect(spec.kinds).toMatchObject([{ kvHeads: 8, headDim: 128, window: null, layers: 48 }]);
    expect([spec.bytesPerToken, megabytes(spec, 8192)]).toEqual([196_608, 1536]);
  });

  test('Gemma 3 12B: 8 global and 40 windowed layers, 8 KV heads of 256: 832 MB for 8K at 16 bits, 416 MB and the scales at 8', () => {
    const spec = gemma12b('f16');
    expect(spec.kinds).toMatchObject([
      { kvHeads: 8, headDim: 256, window: 1024, layers: 40, bytesPerToken: 327_680 },
      { kvHeads: 8, headDim: 256, window: null, layers: 8, bytesPerToken: 65_536 },
    ]);
    expect(megabytes(spec, 8192)).toBe(832); // 8192 tokens of 8 layers, 1024 of 40
    expect(megabytes(gemma12b('q8'), 8192)).toBe(416 + 26); // one byte an element, and the scales
    expect(megabytes(spec, 16_384) - megabytes(spec, 8192)).toBe(512); // only the global layers grow
  });

  test('GPT-OSS 20B: 12 global and 12 windowed layers, 8 KV heads of 64: a window of 128 takes one block', () => {
    const spec = gptOss20b('f16');
    expect(spec.kinds).toMatchObject([
      { kvHeads: 8, headDim: 64, window: 128, layers: 12, bytesPerToken: 24_576 },
      { kvHeads: 8, headDim: 64, window: null, layers: 12, bytesPerToken: 24_576 },
    ]);
    expect(spec.blocksFor(8192)).toEqual([1, 32]);
    expect(megabytes(spec, 8192)).toBe(192 + 6);
  });

  test('groups of 64 with a scale and a bias of 16 bits make 8 bits 8.5 and 4 bits 4.5', () => {
    expect(megabytes(gemma12b('q8'), 8192)).toBe((832 * 8.5) / 16);
    expect(megabytes(gemma12b('q4'), 8192)).toBe((832 * 4.5) / 16);
    expect(llama8b('f32').bytesPerToken).toBe(2 * llama8b('bf16').bytesPerToken);
  });
});

const layer = fc.record({
  kvHeads: fc.integer({ min: 1, max: 8 }),
  headDim: fc.constantFrom(32, 64, 80, 128),
  window: fc.constantFrom(null, 1, 255, 256, 257, 1024),
});

test('for any layers: whole blocks cover what every layer holds, by less than a block each, and never shrink as tokens come', () => {
  const format = fc.constantFrom(...KV_FORMATS);
  fc.assert(
    fc.property(fc.array(layer, { minLength: 1, maxLength: 12 }), format, fc.nat(5000), fc.nat(600), (layers, kv, tokens, slack) => {
      const spec = new ModelCacheSpec(layers, kv);
      expect(spec.kinds.reduce((sum, kind) => sum + kind.layers, 0)).toBe(layers.length);
      const counts = spec.blocksFor(tokens, slack);
      spec.kinds.forEach(({ window }, i) => {
        const held = window === null ? tokens : Math.min(tokens, window + slack);
        expect(counts[i]! * 256).toBeGreaterThanOrEqual(held);
        expect(counts[i]! * 256 - held).toBeLessThan(256);
      });
      const elements = layers.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim, 0);
      const bits = { f32: 32, f16: 16, bf16: 16, q8: 8, q4: 4 }[kv];
      expect(spec.bytesPerToken).toBeGreaterThanOrEqual((elements * bits) / 8);
      expect(spec.bytesOf(spec.blocksFor(tokens + 1, slack))).toBeGreaterThanOrEqual(spec.bytesOf(counts));
      if (spec.kinds.every(({ window }) => window === null))
        expect(spec.bytesOf(counts)).toBe(Math.ceil(tokens / 256) * 256 * spec.bytesPerToken);
    }),
  );
});

describe('layers that recur', () => {
  const spec = new ModelCacheSpec(
    [
      { kvHeads: 0, headDim: 0, window: 0, stateBytes: 1000 },
      { kvHeads: 2, headDim: 64, window: null },
      { kvHeads: 0, headDim: 0, window: 0, stateBytes: 1000 },
    ],
    'f16',
  );

  test('cost one state each, whatever the length, and nothing per token', () => {
    const attending = 2 * 64 * 2 * 2;
    expect(spec.bytesPerToken).toBe(attending);
    expect(spec.kinds).toMatchObject([
      { layers: 2, layerIndices: [0, 2], bytesPerToken: 0, blockBytes: 2000, recurs: true },
      { layers: 1, layerIndices: [1], bytesPerToken: attending, blockBytes: 256 * attending, recurs: false },
    ]);
    expect([0, 1, 256, 100_000].map((tokens) => spec.blocksFor(tokens, 512))).toEqual([
      [0, 0],
      [1, 1],
      [1, 1],
      [1, 391],
    ]);
    expect(spec.bytesOf(spec.blocksFor(300))).toBe(2000 + 512 * attending);
  });

  test('cannot be cut, as windowed ones cannot', () => {
    expect([spec.recurs, spec.isWindowed]).toEqual([true, true]);
    const windowed = new ModelCacheSpec([{ kvHeads: 1, headDim: 64, window: 8 }], 'f16');
    expect([windowed.recurs, windowed.isWindowed]).toEqual([false, true]);
  });
});
