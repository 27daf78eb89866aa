import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DecoderSpec, LayerSpec, LinearSpec, NormSpec, TensorRef } from '../../../src/core/domain/decoder-spec.js';
import { type F32Tensor, writeSafetensors } from './safetensors.js';

/** A decoder with random weights: two layers, the second one windowed, q/k norms, biases, tied head. */
export interface TinyModel {
  readonly spec: DecoderSpec;
  readonly file: string;
  readonly tensors: ReadonlyMap<string, F32Tensor>;
}

export const TINY = { layers: 2, kvHeads: 2, headDim: 16, vocabSize: 320 } as const;

const V = TINY.vocabSize;
const D = 32;
const H = 4;
const K = TINY.kvHeads;
const F = 64;

/** Uniform in [-1, 1), the same for the same seed (mulberry32). */
function randomizer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

const ref = (name: string): TensorRef => ({ name, ops: [] });

interface TinyOptions {
  /** null makes both layers global. */
  readonly window?: number | null;
  readonly contextLength?: number;
  readonly headDim?: number;
}

export function tinyModel(options: TinyOptions = {}): TinyModel {
  const d = options.headDim ?? TINY.headDim;
  const random = randomizer(7);
  const tensors = new Map<string, F32Tensor>();
  const add = (name: string, shape: readonly number[], value: () => number): TensorRef => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value);
    tensors.set(name, { shape, data });
    return ref(name);
  };
  const linear = (name: string, inFeatures: number, outFeatures: number, bias = false): LinearSpec => ({
    weight: add(`${name}.weight`, [outFeatures, inFeatures], () => random() * Math.sqrt(3 / inFeatures)),
    inFeatures,
    outFeatures,
    bias: bias ? add(`${name}.bias`, [outFeatures], () => random() * 0.1) : null,
    quantization: null,
  });
  const norm = (name: string, size: number): NormSpec => ({
    weight: add(`${name}.weight`, [size], () => 1 + random() * 0.1),
    eps: 1e-5,
    weightOffset: 0,
  });
  const layer = (i: number, window: number | null): LayerSpec => ({
    inputNorm: norm(`${i}.in`, D),
    attention: {
      heads: H,
      kvHeads: K,
      headDim: d,
      scale: d ** -0.5,
      q: linear(`${i}.q`, D, H * d, true),
      k: linear(`${i}.k`, D, K * d, true),
      v: linear(`${i}.v`, D, K * d, true),
      o: linear(`${i}.o`, H * d, D),
      qNorm: norm(`${i}.qn`, d),
      kNorm: norm(`${i}.kn`, d),
      rope: 0,
      window,
      sinks: null,
      softcap: null,
    },
    postAttentionNorm: null,
    feedForwardNorm: norm(`${i}.ff`, D),
    feedForward: {
      kind: 'dense',
      activation: { kind: 'silu' },
      gate: linear(`${i}.gate`, D, F),
      up: linear(`${i}.up`, D, F),
      down: linear(`${i}.down`, F, D),
    },
    postFeedForwardNorm: null,
  });
  const spec: DecoderSpec = {
    architecture: 'tiny',
    vocabSize: V,
    hiddenSize: D,
    contextLength: options.contextLength ?? 4096,
    embedding: { table: linear('embed', D, V), scale: 1 },
    ropes: [{ dims: d, inverseFrequencies: Array.from({ length: d / 2 }, (_, i) => 10000 ** ((-2 * i) / d)), attentionFactor: 1 }],
    layers: [layer(0, null), layer(1, options.window === undefined ? 24 : options.window)],
    finalNorm: norm('final', D),
    head: null,
    logitSoftcap: null,
  };
  const file = join(mkdtempSync(join(tmpdir(), 'semantic-tiny-')), 'model.safetensors');
  writeSafetensors(file, tensors);
  return { spec, file, tensors };
}

/** Random token ids of the tiny vocabulary. */
export function tinyTokens(length: number, seed = 1): Int32Array {
  const random = randomizer(seed);
  return Int32Array.from({ length }, () => Math.floor(((random() + 1) / 2) * V));
}
