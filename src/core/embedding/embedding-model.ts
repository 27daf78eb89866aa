import type { Pooling } from '../domain/pooling.js';
import type { EncoderRunner, Tokenizer } from '../ports.js';

/** A model that embeds, as requests see it. */
export interface EmbeddingModel {
  readonly id: string;
  readonly runner: EncoderRunner;
  readonly tokenizer: Tokenizer;
  readonly pooling: Pooling;
  /** Longest input, in tokens. */
  readonly maxTokens: number;
}
