import type { EmitId } from './bpe-model.js';
import { corrupt } from './json-shape.js';

/** The `model` of a WordPiece tokenizer.json. */
export interface WordPieceDefinition {
  readonly vocab: ReadonlyMap<string, number>;
  readonly unkToken: string;
  /** Before every piece but the first of a word. */
  readonly continuingPrefix: string;
  /** A word with more characters is unknown. */
  readonly maxWordCharacters: number;
}

/** The longest piece that the word begins with, then the longest of the rest; where there is none the whole word is unknown. */
export class WordPieceModel {
  readonly #unk: number;

  constructor(private readonly definition: WordPieceDefinition) {
    const unk = definition.vocab.get(definition.unkToken);
    if (unk === undefined) throw corrupt(`model.unk_token ${JSON.stringify(definition.unkToken)} is not in the vocabulary`);
    this.#unk = unk;
  }

  encode(word: string, emit: EmitId): void {
    for (const id of this.#pieces(word) ?? [this.#unk]) emit(id);
  }

  // A word is at most `maxWordCharacters` long, or known to be unknown: no pause is needed.
  encodeInSteps(word: string, emit: EmitId): Iterable<void> {
    this.encode(word, emit);
    return [];
  }

  #pieces(word: string): number[] | null {
    const { maxWordCharacters } = this.definition;
    if (word.length > 2 * maxWordCharacters || [...word].length > maxWordCharacters) return null;
    const ids: number[] = [];
    for (let start = 0; start < word.length;) {
      const piece = this.#longest(word, start);
      if (piece === null) return null;
      ids.push(piece.id);
      start = piece.end;
    }
    return ids;
  }

  #longest(word: string, start: number): { readonly id: number; readonly end: number } | null {
    const { continuingPrefix, vocab } = this.definition;
    const prefix = start === 0 ? '' : continuingPrefix;
    for (let end = word.length; end > start; end--) {
      const id = vocab.get(prefix + word.slice(start, end));
      if (id !== undefined) return { id, end };
    }
    return null;
  }
}
