import { describe, expect, it } from 'vitest';
import type * as Native from '../../native/index.js';
import { KV_FORMATS } from '../../src/core/domain/kv-format.js';
import { ENGINE_OPTIONS, GREEDY, native, plan } from './support/addon.js';
import { TINY, tinyModel, tinyTokens } from './support/tiny-model.js';

type InstructionSet = Native.EngineOptions['instructionSet'];

const V = TINY.vocabSize;
const tiny = tinyModel({ window: 24 });
// Heads with a whole group and one that is not: see native/src/kv_format.h.
const wide = tinyModel({ window: 24, headDim: 88 });
const formats = KV_FORMATS.filter((format) => format !== 'f32');
const tokens = tinyTokens(400); // past the window, three attention blocks and one KV block
const fused: readonly InstructionSet[] = ['avx512', 'avx2', 'neon']; // sets with a fused multiply-add

function open(threads: number, instructionSet: InstructionSet): Native.Engine | null {
  try {
    return new native.Engine({ ...ENGINE_OPTIONS, threads, instructionSet });
  } catch {
    return null; // this CPU lacks it
  }
}

/** Logits of every token, fed in chunks on an engine of its own; null where the CPU lacks the instruction set. */
async function logitsOn(
  threads: number,
  instructionSet: InstructionSet,
  chunk: number,
  kvFormat: Native.KvFormat = 'f16',
  { spec, file } = tiny,
): Promise<Float32Array | null> {
  const engine = open(threads, instructionSet);
  if (engine === null) return null;
  try {
    const { model } = await engine.loadModel({ spec, files: [file], executor: 'cpu', kvFormat });
    const sequence = await engine.createSequence(model, GREEDY);
    const all = new Float32Array(tokens.length * V);
    for (let at = 0; at < tokens.length; at += chunk) {
      const result = await engine.step(plan([{ sequence, tokens: tokens.subarray(at, at + chunk) }], 'all'));
      all.set(result.logits, at * V);
    }
    return all;
  } finally {
    await engine.close();
  }
}

/** The bits, so that a mismatch of -0 or NaN cannot hide. */
const bits = (logits: Float32Array): Buffer => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);

describe('the cpu executor', () => {
  it.each(formats)('gives the same bits for every chunk size, decoding one by one included, with KV in %s', async (kvFormat) => {
    for (const model of [tiny, wide]) {
      const whole = await logitsOn(2, 'auto', tokens.length, kvFormat, model);
      expect(whole).not.toBeNull();
      for (const chunk of [1, 2, 5, 8, 9, 31, 129, 256]) {
        const got = await logitsOn(2, 'auto', chunk, kvFormat, model);
        expect(bits(got as Float32Array).equals(bits(whole as Float32Array)), `chunks of ${String(chunk)}`).toBe(true);
      }
    }
  });

  it('gives the same bits on any number of threads', async () => {
    const one = (await logitsOn(1, 'auto', 64)) as Float32Array;
    for (const threads of [2, 3, 7]) {
      expect(bits((await logitsOn(threads, 'auto', 64)) as Float32Array).equals(bits(one)), `${String(threads)} threads`).toBe(true);
    }
  });

  it.each(formats)('gives the same bits on every instruction set that fuses, with KV in %s', async (kvFormat) => {
    for (const model of [tiny, wide]) {
      const all = (await Promise.all(fused.map((set) => logitsOn(2, set, 64, kvFormat, model)))).filter((logits) => logits !== null);
      for (const logits of all) expect(bits(logits).equals(bits(all[0] as Float32Array))).toBe(true);
    }
  });

  it('gives nearly the same on the portable one', async () => {
    const portable = (await logitsOn(2, 'portable', 64)) as Float32Array;
    const best = (await logitsOn(2, 'auto', 64)) as Float32Array;
    let worst = 0;
    for (const [i, value] of best.entries()) worst = Math.max(worst, Math.abs(value - (portable[i] ?? Number.NaN)));
    expect(worst).toBeLessThan(1e-5);
  });

  it('gives a decoding sequence the same bits in company as alone', async () => {
    const engine = open(2, 'auto') as Native.Engine;
    try {
      const { model } = await engine.loadModel({ spec: tiny.spec, files: [tiny.file], executor: 'cpu', kvFormat: 'f16' });
      const prompts = [3, 130, 17, 260, 64, 1, 90, 200, 5, 33].map((length, i) => tinyTokens(length + 1, i + 1));
      const sequences = await Promise.all(prompts.map(() => engine.createSequence(model, GREEDY)));
      const entries = prompts.map((p, i) => ({ sequence: sequences[i] as Native.SequenceId, tokens: p.subarray(0, p.length - 1) }));
      await engine.step(plan(entries));
      const last = prompts.map((p, i) => ({ sequence: sequences[i] as Native.SequenceId, tokens: p.subarray(p.length - 1) }));
      const together = await engine.step(plan(last, 'all'));
      for (const [i, prompt] of prompts.entries()) {
        const sequence = await engine.createSequence(model, GREEDY);
        const alone = await engine.step(plan([{ sequence, tokens: prompt }], 'all'));
        const want = alone.logits.subarray((prompt.length - 1) * V, prompt.length * V);
        expect(bits(together.logits.subarray(i * V, (i + 1) * V)).equals(bits(want)), `sequence ${String(i)}`).toBe(true);
      }
    } finally {
      await engine.close();
    }
  });
});
