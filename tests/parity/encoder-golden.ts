/** What transformers and sentence-transformers say: see tests/fixtures/embeddings/generate.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { POOLINGS, type Pooling } from '../../src/core/domain/pooling.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/embeddings', import.meta.url));

export const TINY_ENCODERS = ['bert-f32', 'bert-f16'];

export interface TinyEncoder {
  readonly model: string;
  readonly inputs: readonly Int32Array[];
  vector(input: number, pooling: Pooling): Float32Array;
}

export function readTinyEncoder(name: string): TinyEncoder {
  const model = join(FIXTURES, name);
  const { inputs } = readJson<{ readonly inputs: readonly (readonly number[])[] }>(join(model, 'golden.json'));
  const rows = readFloats(join(model, 'golden.bin'));
  const width = rows.length / inputs.length / POOLINGS.length;
  return {
    model,
    inputs: inputs.map((ids) => Int32Array.from(ids)),
    vector(input, pooling) {
      const row = input * POOLINGS.length + POOLINGS.indexOf(pooling);
      return rows.subarray(row * width, (row + 1) * width);
    },
  };
}

export interface SentenceGolden {
  readonly maxTokens: number;
  readonly sentences: readonly string[];
  /** Cut at `maxTokens`. */
  readonly ids: readonly (readonly number[])[];
  readonly vectors: readonly Float32Array[];
}

export function readSentences(): SentenceGolden {
  const golden = readJson<Omit<SentenceGolden, 'vectors'>>(join(FIXTURES, 'all-minilm-l6-v2.json'));
  const rows = readFloats(join(FIXTURES, 'all-minilm-l6-v2.bin'));
  const width = rows.length / golden.sentences.length;
  return { ...golden, vectors: golden.sentences.map((_, i) => rows.subarray(i * width, (i + 1) * width)) };
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
