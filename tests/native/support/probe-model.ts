/**
 * A decoder that shows one linear layer: its attention and feed-forward add nothing, so the logits of a token are the head's product
 * with the token's embedding, which is normed already.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DecoderSpec, LinearSpec, NormSpec } from '../../../src/core/domain/decoder-spec.js';
import { writeSafetensors, type Tensor } from './safetensors.js';

/** Codes [out][in] in `bits` bits, with scale and bias per group; mxfp4: bits 4, exponents for scales, no biases. */
export interface ProbeWeight {
  readonly mode: 'affine' | 'mxfp4';
  readonly bits: number;
  readonly groupSize: number;
  readonly codes: Uint8Array;
  readonly scales: Float32Array | Uint8Array;
  readonly biases: Float32Array | null;
}

export const PROBE_TOKENS = 64;
const D_HEAD = 16;

/** `rows` [PROBE_TOKENS][width] have a root mean square of 1, or of 0. */
export function probeModel(rows: Float32Array, width: number, weight: ProbeWeight): { readonly spec: DecoderSpec; readonly file: string } {
  const tensors = new Map<string, Tensor>();
  const add = (name: string, tensor: Tensor) => {
    tensors.set(name, tensor);
    return { name, ops: [] };
  };
  const nothing = (name: string, inFeatures: number, outFeatures: number): LinearSpec => ({
    weight: add(name, { shape: [outFeatures, inFeatures], data: new Float32Array(inFeatures * outFeatures) }),
    inFeatures,
    outFeatures,
    bias: null,
    quantization: null,
  });
  const norm = (name: string): NormSpec => ({
    weight: add(name, { shape: [width], data: new Float32Array(width).fill(1) }),
    eps: 1e-12, // a row of zeros stays one
    weightOffset: 0,
  });
  const groups = width / weight.groupSize;
  const head: LinearSpec = {
    weight: add('head', { shape: [PROBE_TOKENS, (width * weight.bits) / 32], data: packed(weight.codes, weight.bits) }),
    inFeatures: width,
    outFeatures: PROBE_TOKENS,
    bias: null,
    quantization: {
      mode: weight.mode,
      bits: weight.bits,
      groupSize: weight.groupSize,
      scales: add('head.scales', { shape: [PROBE_TOKENS, groups], data: weight.scales }),
      biases: weight.biases === null ? null : add('head.biases', { shape: [PROBE_TOKENS, groups], data: weight.biases }),
    },
  };
  const spec: DecoderSpec = {
    architecture: 'probe',
    vocabSize: PROBE_TOKENS,
    hiddenSize: width,
    contextLength: 4096,
    embedding: {
      table: {
        weight: add('embed', { shape: [PROBE_TOKENS, width], data: rows }),
        inFeatures: width,
        outFeatures: PROBE_TOKENS,
        bias: null,
        quantization: null,
      },
      scale: 1,
    },
    ropes: [{ dims: D_HEAD, inverseFrequencies: Array.from({ length: D_HEAD / 2 }, () => 0), attentionFactor: 1 }],
    layers: [
      {
        inputNorm: norm('in'),
        attention: {
          heads: 1,
          kvHeads: 1,
          headDim: D_HEAD,
          scale: 1,
          q: nothing('q', width, D_HEAD),
          k: nothing('k', width, D_HEAD),
          v: nothing('v', width, D_HEAD),
          o: nothing('o', D_HEAD, width),
          qNorm: null,
          kNorm: null,
          rope: 0,
          window: null,
          sinks: null,
          softcap: null,
        },
        postAttentionNorm: null,
        feedForwardNorm: norm('ff'),
        feedForward: {
          kind: 'dense',
          activation: { kind: 'silu' },
          gate: nothing('gate', width, 16),
          up: nothing('up', width, 16),
          down: nothing('down', 16, width),
        },
        postFeedForwardNorm: null,
      },
    ],
    finalNorm: norm('final'),
    head,
    logitSoftcap: null,
  };
  const file = join(mkdtempSync(join(tmpdir(), 'semantic-probe-')), 'model.safetensors');
  writeSafetensors(file, tensors);
  return { spec, file };
}

/** Codes one behind the other, lowest bits first. */
function packed(codes: Uint8Array, bits: number): Uint32Array {
  const words = new Uint32Array((codes.length * bits) / 32);
  codes.forEach((code, i) => {
    const bit = i * bits;
    words[bit >> 5]! |= code << (bit & 31);
  });
  return words;
}
