import type { Pooling } from '../domain/pooling.js';
import type { EncoderRunner, Tokenizer } from '../ports.js';

/** A model that embeds, as requests see it. */
export interface EmbeddingModel {
  readonly id: string;
  readonly tokenizer: Tokenizer;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Longest input, in tokens. */
  readonly maxTokens: number;
  /** One vector [hiddenSize] per input, in order, not normalised. Aborting takes the request out. */
  embed(inputs: readonly Int32Array[], caller: EmbeddingCaller): Promise<readonly Float32Array[]>;
}

export interface EmbeddingCaller {
  readonly key: string;
  readonly signal: AbortSignal;
}

/** What reads batches of inputs, of several requests. */
export interface Encoder {
  readonly runner: EncoderRunner;
  readonly pooling: Pooling;
}
