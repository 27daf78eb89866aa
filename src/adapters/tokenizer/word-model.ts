import { type BpeDefinition, BpeModel, type EmitId } from './bpe-model.js';
import { type WordPieceDefinition, WordPieceModel } from './word-piece-model.js';

/** The `model` of tokenizer.json. */
export type ModelDefinition = BpeDefinition | WordPieceDefinition;

/** Turns words into ids. */
export interface WordModel {
  /** Of a word that is not long. */
  encode(word: string, emit: EmitId): void;
  /** The same of any word, with pauses. */
  encodeInSteps(word: string, emit: EmitId): Iterable<void>;
}

export function createWordModel(definition: ModelDefinition, isByteLevel: boolean): WordModel {
  return 'merges' in definition ? new BpeModel(definition, isByteLevel) : new WordPieceModel(definition);
}
