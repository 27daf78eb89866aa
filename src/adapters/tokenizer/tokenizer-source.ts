import type { ChatTemplateSource } from '../chat-template/template-source.js';
import type { AddedToken } from './added-tokens.js';
import type { SpecialTokenFrame } from './post-processor.js';
import type { ModelDefinition } from './word-model.js';

/** tokenizer.json with its model and added tokens read; the other parts are built from their JSON. */
export interface TokenizerDefinition {
  readonly addedTokens: readonly AddedToken[];
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly postProcessor: unknown;
  readonly decoder: unknown;
  readonly model: ModelDefinition;
}

/** All that a model's files say about its tokens and its template, whatever their format. */
export interface TokenizerSource {
  readonly definition: TokenizerDefinition;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  readonly stopTokenIds: readonly number[];
  /** Takes the place of the definition's post-processor; null = that one counts. */
  readonly frame: SpecialTokenFrame | null;
  readonly chatTemplate: ChatTemplateSource;
}
