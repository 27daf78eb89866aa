/** Engines and plans that the parity tests share. */
import type { ExecutorKind } from '../../native/index.js';
import { NativeEngine, type NativeEngineOptions } from '../../src/adapters/mlx/native-engine.js';
import type { NativeRunner } from '../../src/adapters/mlx/native-runner.js';
import { readCheckpoint } from '../../src/adapters/model-files/read-checkpoint.js';
import { GREEDY } from '../../src/core/domain/sampling.js';
import { buildDecoderSpec } from '../../src/core/models/registry.js';

export const EXECUTORS: readonly ExecutorKind[] = ['mlx', 'cpu'];

export function openEngine(executor: ExecutorKind, changes: Partial<NativeEngineOptions> = {}): NativeEngine {
  return new NativeEngine({
    threads: 2,
    memoryBudgetBytes: 2 ** 31,
    bufferCacheBytes: 32 * 2 ** 20,
    instructionSet: 'auto',
    executor,
    kvFormat: 'f32',
    compute: 'exact', // what parity is about; the others are measured against it
    ...changes,
  });
}

export async function loadModel(engine: NativeEngine, path: string): Promise<NativeRunner> {
  const checkpoint = await readCheckpoint(path);
  return engine.load(checkpoint, buildDecoderSpec(checkpoint));
}

/** Logits [tokens, vocabSize] of a fresh sequence that is fed `tokens` in chunks. */
export async function scoreInChunks(runner: NativeRunner, tokens: readonly number[], chunk: number): Promise<Float32Array> {
  const sequence = await runner.createSequence(GREEDY);
  const logits = new Float32Array(tokens.length * runner.vocabSize);
  for (let start = 0; start < tokens.length; start += chunk) {
    const part = Int32Array.from(tokens.slice(start, start + chunk));
    logits.set(await runner.scoreTokens(sequence, part), start * runner.vocabSize);
  }
  await runner.dropSequence(sequence);
  return logits;
}

export interface Continuation {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
}

/** Greedy continuations of several prompts in one batch, prefilled in chunks; ragged, since prompts differ in length. */
export async function continueBatch(
  runner: NativeRunner,
  prompts: readonly (readonly number[])[],
  chunk: number,
  count: number,
): Promise<Continuation[]> {
  const rows = await Promise.all(
    prompts.map(async (prompt) => ({
      sequence: await runner.createSequence(GREEDY),
      feed: [...prompt],
      tokens: [] as number[],
      logprobs: [] as number[],
    })),
  );
  for (;;) {
    const active = rows.filter((row) => row.tokens.length < count);
    if (active.length === 0) break;
    const entries = active.map((row) => {
      const part = Int32Array.from(row.feed.splice(0, chunk));
      return { sequence: row.sequence, tokens: part, sample: row.feed.length === 0 };
    });
    const { samples } = await runner.step({ entries });
    active.forEach((row, i) => {
      const sample = samples[i];
      if (sample === null || sample === undefined) return;
      row.tokens.push(sample.token);
      row.logprobs.push(sample.logprob);
      row.feed = [sample.token];
    });
  }
  for (const row of rows) await runner.dropSequence(row.sequence);
  return rows;
}

/** Log-probabilities of one row of logits. */
export function logSoftmax(logits: Float32Array): Float64Array {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - max);
  const norm = max + Math.log(sum);
  return Float64Array.from(logits, (x) => x - norm);
}
