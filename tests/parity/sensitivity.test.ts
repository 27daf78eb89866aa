/** The parity tests would notice: each change to one place of a spec moves the log-probabilities by more than they allow. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import type {
  AttentionSpec,
  DecoderSpec,
  GatedDeltaSpec,
  LayerSpec,
  MoeFeedForwardSpec,
  RopeSpec,
} from '../../src/core/domain/decoder-spec.js';
import { buildDecoderSpec } from '../../src/core/models/registry.js';
import { openEngine, scoreInChunks, logSoftmax } from './engines.js';
import { readGolden } from './golden.js';

const ALLOWED = 1e-3; // of tests/parity/families.test.ts, nats

type Change = (spec: DecoderSpec) => DecoderSpec;

const layers =
  (change: (layer: LayerSpec, i: number) => LayerSpec): Change =>
  (spec) => ({ ...spec, layers: spec.layers.map(change) });
const attention = (change: (attention: AttentionSpec) => Partial<AttentionSpec>): Change =>
  layers((layer) => (layer.attention === undefined ? layer : { ...layer, attention: { ...layer.attention, ...change(layer.attention) } }));
const recurrence = (change: (recurrence: GatedDeltaSpec) => Partial<GatedDeltaSpec>): Change =>
  layers((layer) =>
    layer.recurrence === undefined ? layer : { ...layer, recurrence: { ...layer.recurrence, ...change(layer.recurrence) } },
  );
const ropes =
  (change: (rope: RopeSpec) => Partial<RopeSpec>): Change =>
  (spec) => ({ ...spec, ropes: spec.ropes.map((rope) => ({ ...rope, ...change(rope) })) });
const moe = (change: (moe: MoeFeedForwardSpec) => Partial<MoeFeedForwardSpec>): Change =>
  layers((layer) =>
    layer.feedForward.kind === 'moe' ? { ...layer, feedForward: { ...layer.feedForward, ...change(layer.feedForward) } } : layer,
  );
const widen = (by: number): Change => attention(({ window }) => ({ window: window === null ? null : window + by }));
const withoutOffset: Change = layers((layer) => ({ ...layer, inputNorm: { ...layer.inputNorm, weightOffset: 0 } }));

const CHANGES: readonly (readonly [fixture: string, what: string, change: Change])[] = [
  ['llama-f32', 'RoPE one percent too fast', ropes(({ inverseFrequencies }) => ({ inverseFrequencies: inverseFrequencies.map((f) => f * 1.01) }))],
  ['llama-llama3-rope-bf16-sharded', 'RoPE without llama3 scaling', ropes(({ dims }) => ({ inverseFrequencies: Array.from({ length: dims / 2 }, (_, i) => 10_000 ** (-2 * i / dims)) }))],
  ['llama-linear-rope-bias-f16', 'no bias on the output projection', attention(({ o }) => ({ o: { ...o, bias: null } }))],
  ['llama-gguf', 'rows of q left in the order of llama.cpp', attention(({ q }) => ({ q: { ...q, weight: { ...q.weight, ops: [] } } }))],
  ['qwen2-yarn-f16', 'YaRN without its factor on attention', ropes(() => ({ attentionFactor: 1 }))],
  ['qwen2-4bit', 'no bias on k', attention(({ k }) => ({ k: { ...k, bias: null } }))],
  ['qwen3-bf16', 'no norm on q', attention(() => ({ qNorm: null }))],
  ['mistral-window-f16', 'a window of one token more', widen(1)],
  ['mistral-window-f16', 'a window of one token less', widen(-1)],
  ['gemma3-text-bf16', 'a window of one token more', widen(1)],
  ['gemma3-text-bf16', 'global layers rotated as the windowed ones', attention(() => ({ rope: 1 }))],
  ['gemma3-text-bf16', 'norms without their offset', withoutOffset],
  ['gemma3-text-bf16', 'SiLU for GELU', layers((layer) => (layer.feedForward.kind === 'dense' ? { ...layer, feedForward: { ...layer.feedForward, activation: { kind: 'silu' } } } : layer))],
  ['gemma3-4bit', 'no norm after the feed-forward', layers((layer) => ({ ...layer, postFeedForwardNorm: null }))],
  ['gemma3-gguf', 'scores scaled by one percent more', attention(({ scale }) => ({ scale: scale * 1.01 }))],
  ['smollm3-bf16', 'positions in every layer', attention(() => ({ rope: 0 }))],
  ['smollm3-gguf', 'rows of k left in the order of llama.cpp', attention(({ k }) => ({ k: { ...k, weight: { ...k.weight, ops: [] } } }))],
  ['phi3-window-f16', 'k and v exchanged', attention(({ k, v }) => ({ k: v, v: k }))],
  ['phi4-mini-4bit', 'longrope without its factor on attention', ropes(() => ({ attentionFactor: 1 }))],
  ['phi4-mini-gguf', 'the whole head rotated', ropes(() => ({ dims: 32, inverseFrequencies: Array.from({ length: 16 }, (_, i) => 10_000 ** (-i / 16)) }))],
  ['gemma2-bf16', 'scores that are not capped', attention(() => ({ softcap: null }))],
  ['gemma2-bf16', 'logits that are not capped', (spec) => ({ ...spec, logitSoftcap: null })],
  ['qwen35-bf16', 'heads that are not gated', layers(({ attention: attending, ...layer }) => { if (attending === undefined) return layer; const { gate: _, ...rest } = attending; return { ...layer, attention: rest }; })],
  ['qwen35-bf16', 'a and b exchanged', recurrence(({ a, b }) => ({ a: b, b: a }))],
  ['qwen35-bf16', 'norms of the recurrence stored less 1', recurrence(({ norm }) => ({ norm: { ...norm, weightOffset: 1 } }))],
  ['qwen35-4bit', 'q and k exchanged', recurrence(({ q, k }) => ({ q: k, k: q }))],
  ['qwen35-4bit', 'v and z exchanged', recurrence(({ v, z }) => ({ v: z, z: v }))],
  ['qwen3-moe-4bit', 'experts weighed among all', moe(() => ({ softmaxOver: 'all' }))],
  ['qwen3-moe-sparse-f16', 'experts weighed among the chosen', moe(() => ({ softmaxOver: 'chosen' }))],
  ['gpt-oss-hf', 'no sinks', attention(() => ({ sinks: null }))],
  ['gpt-oss-hf', 'gate and up exchanged', moe(({ gate, up }) => ({ gate: up, up: gate }))],
  ['gpt-oss-mlx', 'one expert less', moe(({ topK }) => ({ topK: topK - 1 }))],
  ['gpt-oss-mlx', 'a clamp at 6 instead of 7', moe(() => ({ activation: { kind: 'swiglu-clamped', alpha: 1.702, limit: 6 } }))],
  ['gpt-oss-dequantized', 'an alpha of 1.65 instead of 1.702', moe(() => ({ activation: { kind: 'swiglu-clamped', alpha: 1.65, limit: 7 } }))],
  ['gpt-oss-dequantized', 'windows on the other layers', layers((layer, i) => ({ ...layer, attention: { ...layer.attention!, window: i % 2 === 0 ? null : 20 } }))],
]; // prettier-ignore

describe('the parity tests notice', () => {
  let engine: NativeEngine;
  beforeAll(() => {
    engine = openEngine('cpu');
  });
  afterAll(async () => {
    await engine.close();
  });

  it.each(CHANGES)('in %s: %s', async (fixture, _, change) => {
    const golden = readGolden(fixture);
    const checkpoint = await readCheckpoint(golden.model);
    const runner = await engine.load(checkpoint, change(buildDecoderSpec(checkpoint)));
    const longest = golden.prompts.length - 1;
    const logits = await scoreInChunks(runner, golden.prompts[longest]!, 64);
    await runner.unload();
    const position = golden.positions[longest]!.at(-1)!;
    const ours = logSoftmax(logits.subarray(position * golden.vocabSize, (position + 1) * golden.vocabSize));
    const theirs = golden.rows.subarray(golden.rows.length - golden.vocabSize);
    const difference = ours.reduce((worst, x, i) => Math.max(worst, Math.abs(x - theirs[i]!)), 0);
    expect(difference).toBeGreaterThan(2 * ALLOWED);
  });
});
