/** Sentences per second of the engine, tokenizer included: what a request costs without HTTP. */
import { performance } from 'node:perf_hooks';

import { NativeEngine } from '#src/adapters/mlx/native-engine.js';
import { readCheckpoint } from '#src/adapters/model-files/read-checkpoint.js';
import { openTokenizer } from '#src/adapters/tokenizer/open-tokenizer.js';
import { cutFramed, frameOf } from '#src/core/embedding/token-frame.js';
import { unitVector } from '#src/core/embedding/unit-vector.js';
import { buildEncoderSpec } from '#src/core/models/encoder-registry.js';

import type { ExecutorKind } from '../native/index.js';

export interface EmbeddingOptions {
  readonly folder: string;
  readonly threads: number;
  readonly executor: ExecutorKind;
  readonly maxTokens: number;
  readonly sliceTokens: number;
}

export interface Embedding {
  /** Sentences per second. `alone`: each by itself, one after the other. */
  measure(sentences: readonly string[], alone: boolean): Promise<number>;
  tokens(sentences: readonly string[]): number;
  close(): Promise<void>;
}

export async function openEmbedding({ folder, threads, executor, maxTokens, sliceTokens }: EmbeddingOptions): Promise<Embedding> {
  const options = {
    memoryBudgetBytes: 2 ** 32,
    bufferCacheBytes: 2 ** 25,
    instructionSet: 'auto',
    kvFormat: 'f16',
    compute: 'exact',
  } as const;
  const engine = new NativeEngine({ ...options, threads, executor });
  const checkpoint = await readCheckpoint(folder);
  const runner = await engine.loadEncoder(checkpoint, buildEncoderSpec(checkpoint));
  const { tokenizer } = await openTokenizer(folder);
  const frame = frameOf(tokenizer);
  const read = (text: string): Int32Array => cutFramed(tokenizer.encode(text, { addSpecialTokens: true }), frame, maxTokens);
  return {
    async measure(sentences, alone) {
      const started = performance.now();
      const inputs = sentences.map(read);
      for (let i = 0; i < inputs.length;) {
        let end = i + 1;
        for (let sum = inputs[i]!.length; !alone && end < inputs.length && (sum += inputs[end]!.length) <= sliceTokens;) end++;
        const { vectors } = await runner.encode(inputs.slice(i, end), 'mean');
        for (const vector of vectors) unitVector(vector, runner.hiddenSize);
        i = end;
      }
      return (sentences.length / (performance.now() - started)) * 1000;
    },
    tokens: (sentences) => sentences.reduce((sum, text) => sum + read(text).length, 0),
    close: () => engine.close(),
  };
}
