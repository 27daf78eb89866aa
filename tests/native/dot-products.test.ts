/** Linear layers on int8 activations, seen alone: their error against the bound that follows from the rounding, and their extremes. */
import { describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { PROBE_TOKENS, probeModel, type ProbeWeight } from './support/probe-model.js';

const FP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];
const RECORD = 32; // inputs that share a scale
const OUTLIER = 5; // times the row's root mean square: native/src/cpu/rounding.h
const SETS = ['avx512', 'avx2', 'neon', 'portable'] as const;
const COMPUTES = ['int8x2', 'int8'] as const;

/** The same numbers for the same seed (mulberry32), in [0, 1). */
function randomizer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Shape {
  readonly name: string;
  readonly mode: ProbeWeight['mode'];
  readonly bits: number;
  readonly groupSize: number;
  readonly width: number;
}

const shapes: readonly Shape[] = [
  { name: '4 bits, groups of 32', mode: 'affine', bits: 4, groupSize: 32, width: 96 },
  { name: '4 bits, groups of 64', mode: 'affine', bits: 4, groupSize: 64, width: 192 },
  { name: '8 bits, groups of 32', mode: 'affine', bits: 8, groupSize: 32, width: 96 },
  { name: '8 bits, groups of 128', mode: 'affine', bits: 8, groupSize: 128, width: 256 },
  { name: '2 bits, groups of 64', mode: 'affine', bits: 2, groupSize: 64, width: 128 },
  { name: 'mxfp4', mode: 'mxfp4', bits: 4, groupSize: 32, width: 96 },
];

function weightOf({ mode, bits, groupSize, width }: Shape, code: (random: () => number) => number): ProbeWeight {
  const random = randomizer(bits * 1000 + groupSize);
  const groups = (PROBE_TOKENS * width) / groupSize;
  const codes = Uint8Array.from({ length: PROBE_TOKENS * width }, () => code(random));
  if (mode === 'mxfp4') {
    return { mode, bits, groupSize, codes, scales: Uint8Array.from({ length: groups }, () => 120 + random() * 6), biases: null };
  }
  const scales = Float32Array.from({ length: groups }, () => (0.5 + random()) / 2 ** bits);
  return { mode, bits, groupSize, codes, scales, biases: scales.map((s) => -s * 2 ** (bits - 1) * (0.5 + random())) };
}

function valueOf(w: ProbeWeight, width: number, out: number, k: number): number {
  const group = (out * width + k - (k % w.groupSize)) / w.groupSize;
  const code = w.codes[out * width + k]!;
  if (w.mode === 'mxfp4') return FP4[code]! * 2 ** (w.scales[group]! - 127);
  return code * w.scales[group]! + w.biases![group]!;
}

/** Rows of root mean square 1: even ones smooth, odd ones with an outlier or two, the last one zero. */
function rowsOf(width: number): Float32Array {
  const random = randomizer(width);
  const rows = new Float32Array(PROBE_TOKENS * width);
  for (let r = 0; r < PROBE_TOKENS - 1; r++) {
    const row = Float64Array.from({ length: width }, () => random() * 2 - 1);
    if (r % 2 === 1) {
      row[r % width]! *= 60;
      row[(r * 7) % width]! *= -40;
    }
    const rms = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / width);
    rows.set(
      row.map((x) => x / rms),
      r * width,
    );
  }
  return rows;
}

interface Model {
  readonly spec: Parameters<Native.Engine['loadModel']>[0]['spec'];
  readonly file: string;
}

/** Logits [tokens.length][PROBE_TOKENS], each of one row; null where the CPU lacks the instruction set. */
async function product(
  { spec, file }: Model,
  compute: Native.Compute,
  instructionSet: Native.EngineOptions['instructionSet'],
  chunk = PROBE_TOKENS,
): Promise<Float32Array | null> {
  let engine: Native.Engine;
  try {
    engine = new native.Engine({ ...ENGINE_OPTIONS, instructionSet });
  } catch {
    return null;
  }
  try {
    const { model } = await engine.loadModel({ spec, files: [file], executor: 'cpu', kvFormat: 'f32', compute });
    const sequence = await engine.createSequence(model, GREEDY);
    const tokens = Int32Array.from({ length: PROBE_TOKENS }, (_, i) => i);
    const all = new Float32Array(PROBE_TOKENS * PROBE_TOKENS);
    for (let at = 0; at < PROBE_TOKENS; at += chunk) {
      const { logits } = await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + chunk) }], 'all'));
      all.set(logits, at * PROBE_TOKENS);
    }
    return all;
  } finally {
    await engine.close();
  }
}

const bits = (logits: Float32Array): Buffer => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);

/** What rounding can be off by at most, for each logit; and the logits in double precision. */
function bounds(rows: Float32Array, width: number, w: ProbeWeight, compute: Native.Compute): { exact: Float64Array; most: Float64Array } {
  const exact = new Float64Array(PROBE_TOKENS * PROBE_TOKENS);
  const most = new Float64Array(PROBE_TOKENS * PROBE_TOKENS);
  for (let r = 0; r < PROBE_TOKENS; r++) {
    for (let out = 0; out < PROBE_TOKENS; out++) {
      let size = 0;
      for (let k = 0; k < width; k += RECORD) {
        const record = rows.subarray(r * width + k, r * width + k + RECORD);
        const largest = record.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
        const step = largest / (compute === 'int8x2' || largest > OUTLIER * 1.0001 ? 127 * 256 : 127);
        record.forEach((x, i) => {
          const value = valueOf(w, width, out, k + i);
          const at = r * PROBE_TOKENS + out;
          exact[at]! += x * value;
          most[at]! += Math.abs(value) * step * 0.50001;
          size += Math.abs(x) * (Math.abs(value) + Math.abs(w.biases?.[0] ?? 0));
        });
      }
      most[r * PROBE_TOKENS + out]! += size * 1e-5; // f32 sums
    }
  }
  return { exact, most };
}

describe.each(shapes)('a linear layer of $name', (shape) => {
  const { width } = shape;
  const rows = rowsOf(width);
  const random = weightOf(shape, (next) => next() * 2 ** shape.bits);
  const model = probeModel(rows, width, random);

  it.each(COMPUTES)('is within the error that rounding to %s allows, and not without any', async (compute) => {
    const got = (await product(model, compute, 'auto'))!;
    const { exact, most } = bounds(rows, width, random, compute);
    let errors = 0;
    got.forEach((x, i) => {
      expect(Math.abs(x - exact[i]!), `logit ${i % PROBE_TOKENS} of row ${Math.floor(i / PROBE_TOKENS)}`).toBeLessThanOrEqual(most[i]!);
      if (compute === 'int8' && Math.abs(x - exact[i]!) > most[i]! / 100) errors += 1;
    });
    if (compute === 'int8') expect(errors).toBeGreaterThan(PROBE_TOKENS);
  });

  it.each(COMPUTES)('gives the same bits in %s for any number of rows at a time', async (compute) => {
    const whole = (await product(model, compute, 'auto'))!;
    for (const chunk of [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 31]) {
      expect(bits((await product(model, compute, 'auto', chunk))!).equals(bits(whole)), `${chunk} rows at a time`).toBe(true);
    }
  });

  it.each(COMPUTES)(
    'gives the same bits in %s on every instruction set that fuses, and nearly the same on the portable one',
    async (compute) => {
      const best = (await product(model, compute, 'auto'))!;
      for (const set of SETS) {
        const got = await product(model, compute, set);
        if (got === null) continue;
        if (set === 'portable') got.forEach((x, i) => expect(Math.abs(x - best[i]!)).toBeLessThan(1e-4));
        else expect(bits(got).equals(bits(best)), `on ${set}`).toBe(true);
      }
    },
  );

  it('gives zero for a row of zeros', async () => {
    for (const compute of COMPUTES) {
      const got = (await product(model, compute, 'auto'))!;
      expect(got.subarray((PROBE_TOKENS - 1) * PROBE_TOKENS).every((x) => x === 0)).toBe(true);
    }
  });
});

describe.each(shapes.filter(({ mode }) => mode === 'affine'))('the largest codes and inputs of $name', (shape) => {
  const { width } = shape;
  // Each row is the same size everywhere, so that every input rounds to 127 or -127 and nothing is lost.
  const rows = Float32Array.from({ length: PROBE_TOKENS * width }, (_, i) => {
    const row = Math.floor(i / width);
    return row % 3 === 0 ? 1 : row % 3 === 1 ? -1 : i % 2 === 0 ? 1 : -1;
  });
  const largest = weightOf(shape, () => 2 ** shape.bits - 1);
  const model = probeModel(rows, width, largest);

  it.each(SETS)('do not saturate on %s', async (set) => {
    for (const compute of COMPUTES) {
      const got = await product(model, compute, set);
      if (got === null) continue;
      const { exact } = bounds(rows, width, largest, compute);
      got.forEach((x, i) => expect(Math.abs(x - exact[i]!)).toBeLessThanOrEqual(1e-3 * (1 + Math.abs(exact[i]!))));
    }
  });
});
