import { BYTE_TO_CHAR, toByteAlphabet } from './byte-alphabet.js';
import { corrupt } from './json-shape.js';
import { mergeInSteps, mergeSymbols } from './merge-symbols.js';
import { MergeTable } from './merge-table.js';

/** The `model` of tokenizer.json, or the same built from GGUF metadata. */
export interface BpeDefinition {
  readonly vocab: ReadonlyMap<string, number>;
  /** In order of rank: "left right", or the pair. */
  readonly merges: readonly (string | readonly [string, string])[];
  readonly unkToken: string | null;
  readonly fuseUnk: boolean;
  /** Characters that have no token are written as tokens <0x00> .. <0xFF>. */
  readonly byteFallback: boolean;
  /** A word that is a token is that token, whatever its merges would give. */
  readonly ignoreMerges: boolean;
}

/** Takes the ids of one word. */
export type EmitId = (id: number) => void;

const CACHED_WORDS = 16_384;
const CACHED_LENGTH = 48; // UTF-16 units; longer words hardly come back
/** UTF-16 units; one that is longer, or as much of shorter ones, is worth a pause. */
export const LONG_WORD = 2048;
const SPACE_MARK = '\u2581'; // SentencePiece's visible space
const encoder = new TextEncoder();

/** Byte-pair encoding of words. Words seen lately are remembered; memory is bounded. */
export class BpeModel {
  readonly #table: MergeTable;
  readonly #bytes = new Int32Array(256).fill(-1); // byte -> id
  readonly #unk: number | null;
  readonly #cache = new Map<string, readonly number[]>();
  /** No merge joins other text to a space mark after it, so text can be cut there. */
  readonly #cutsAtSpaceMarks: boolean;
  #symbols = new Int32Array(256);

  constructor(
    private readonly definition: BpeDefinition,
    private readonly isByteLevel: boolean,
  ) {
    const { vocab } = definition;
    this.#table = buildTable(definition);
    for (let byte = 0; byte < 256; byte++) {
      const token = isByteLevel ? BYTE_TO_CHAR[byte]! : byteToken(byte);
      this.#bytes[byte] = vocab.get(token) ?? -1;
    }
    const unk = definition.unkToken === null ? null : vocab.get(definition.unkToken);
    if (unk === undefined) throw corrupt(`model.unk_token ${JSON.stringify(definition.unkToken)} is not in the vocabulary`);
    this.#unk = unk;
    this.#cutsAtSpaceMarks = !isByteLevel && !definition.ignoreMerges && vocab.has(SPACE_MARK) && !hasInnerSpaceMark(definition);
  }

  /** Of a word that is not long. */
  encode(word: string, emit: EmitId): void {
    if (!this.#cutsAtSpaceMarks) return this.#encodeCached(word, emit);
    for (const piece of this.#pieces(word)) this.#encodeCached(piece, emit);
  }

  /** With pauses, for a word of any length. */
  *encodeInSteps(word: string, emit: EmitId): Generator<void, void, void> {
    let read = 0;
    for (const piece of this.#cutsAtSpaceMarks ? this.#pieces(word) : [word]) {
      if (piece.length > LONG_WORD) yield* this.#encodeLong(piece, emit);
      else this.#encodeCached(piece, emit);
      read += piece.length;
      if (read < LONG_WORD) continue;
      read = 0;
      yield;
    }
  }

  *#pieces(word: string): Generator<string, void> {
    let start = 0;
    for (let at = word.indexOf(SPACE_MARK, 1); at >= 0; at = word.indexOf(SPACE_MARK, at + 1)) {
      if (word[at - 1] === SPACE_MARK) continue;
      yield word.slice(start, at);
      start = at;
    }
    yield word.slice(start);
  }

  /** In memory of its own: others encode meanwhile. No token is that long. */
  *#encodeLong(word: string, emit: EmitId): Generator<void, void, void> {
    const symbols = new Int32Array(word.length * 3 + 1);
    const count = yield* mergeInSteps(symbols, this.#toSymbols(word, symbols), this.#table);
    for (let i = 0; i < count; i++) emit(symbols[i]!);
  }

  #encodeCached(word: string, emit: EmitId): void {
    const known = this.#cache.get(word);
    if (known !== undefined) {
      for (const id of known) emit(id);
      return;
    }
    const count = this.#encodeWord(word);
    for (let i = 0; i < count; i++) emit(this.#symbols[i]!);
    if (word.length > CACHED_LENGTH) return;
    if (this.#cache.size >= CACHED_WORDS) this.#cache.clear();
    // A slice of a long text keeps all of it in memory: store a copy.
    const key = word.length < 13 ? word : Buffer.from(word).toString();
    this.#cache.set(key, Array.from(this.#symbols.subarray(0, count)));
  }

  /** Writes the word's ids to the front of `#symbols` and returns how many there are. */
  #encodeWord(word: string): number {
    if (this.definition.ignoreMerges) {
      const whole = this.definition.vocab.get(this.isByteLevel ? toByteAlphabet(encoder.encode(word)) : word);
      if (whole !== undefined) {
        this.#symbols[0] = whole;
        return 1;
      }
    }
    // At most 3 UTF-8 bytes for each UTF-16 unit, and one pending unknown token.
    if (this.#symbols.length < word.length * 3 + 1) this.#symbols = new Int32Array(word.length * 3 + 1);
    return mergeSymbols(this.#symbols, this.#toSymbols(word, this.#symbols), this.#table);
  }

  #toSymbols(word: string, symbols: Int32Array): number {
    return this.isByteLevel ? this.#bytesToSymbols(word, symbols) : this.#charsToSymbols(word, symbols);
  }

  #bytesToSymbols(word: string, symbols: Int32Array): number {
    let count = 0;
    let unknown = false; // one that waits to be written, so that a run of them can be fused
    for (const byte of encoder.encode(word)) {
      const id = this.#bytes[byte]!;
      if (id < 0) {
        if (unknown && !this.definition.fuseUnk) count = this.#pushUnknown(symbols, count);
        unknown = true;
        continue;
      }
      if (unknown) count = this.#pushUnknown(symbols, count);
      unknown = false;
      symbols[count++] = id;
    }
    return unknown ? this.#pushUnknown(symbols, count) : count;
  }

  #charsToSymbols(word: string, symbols: Int32Array): number {
    let count = 0;
    let unknown = false;
    for (const char of word) {
      const id = this.definition.vocab.get(char);
      if (id !== undefined) {
        if (unknown) count = this.#pushUnknown(symbols, count);
        unknown = false;
        symbols[count++] = id;
        continue;
      }
      const bytes = this.definition.byteFallback ? encoder.encode(char) : null;
      if (bytes !== null && bytes.every((byte) => this.#bytes[byte]! >= 0)) {
        for (const byte of bytes) symbols[count++] = this.#bytes[byte]!;
      } else {
        if (unknown && !this.definition.fuseUnk) count = this.#pushUnknown(symbols, count);
        unknown = true;
      }
    }
    return unknown ? this.#pushUnknown(symbols, count) : count;
  }

  /** Without an unknown token what has no id is left out. */
  #pushUnknown(symbols: Int32Array, count: number): number {
    if (this.#unk === null) return count;
    symbols[count] = this.#unk;
    return count + 1;
  }
}

/** `<0x0A>` for byte 10. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

function buildTable({ vocab, merges }: BpeDefinition): MergeTable {
  const table = new MergeTable(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left, right] = splitMerge(merge, rank);
    const ids = [vocab.get(left), vocab.get(right), vocab.get(left + right)] as const;
    if (ids[0] === undefined || ids[1] === undefined || ids[2] === undefined) {
      const missing = [left, right, left + right][ids.indexOf(undefined)];
      throw corrupt(`merge ${rank} needs the token ${JSON.stringify(missing)}, which is not in the vocabulary`);
    }
    table.set(ids[0], ids[1], rank, ids[2]);
  }
  return table;
}

function splitMerge(merge: string | readonly [string, string], rank: number): readonly [string, string] {
  if (typeof merge !== 'string') return merge;
  const space = merge.indexOf(' ');
  if (space < 0 || merge.includes(' ', space + 1)) {
    throw corrupt(`merge ${rank}: wanted two tokens with one space between, got ${JSON.stringify(merge)}`);
  }
  return [merge.slice(0, space), merge.slice(space + 1)];
}

/** Is there a merge whose right part begins with a space mark and whose left part does not end in one? */
function hasInnerSpaceMark({ merges }: BpeDefinition): boolean {
  return merges.some((merge, rank) => {
    const [left, right] = splitMerge(merge, rank);
    return right.startsWith(SPACE_MARK) && !left.endsWith(SPACE_MARK);
  });
}
