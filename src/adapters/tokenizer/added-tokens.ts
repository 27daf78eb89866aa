import type { Normalizer } from './normalizer.js';

/** A token that is found in the text as it stands, before any pre-tokenizer sees it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out of decoded text where special tokens are skipped. */
  readonly special: boolean;
  /** Matches only between characters that are no part of a word. */
  readonly singleWord: boolean;
  /** Takes the white space before (after) it along. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for in the normalized text, in its normalized form. */
  readonly normalized: boolean;
}

/** Either an added token's id, or text for the model; `isStart` = it begins the whole input. */
export type Segment = { readonly id: number } | { readonly text: string; readonly isStart: boolean };

/** Finds added tokens: leftmost, and of those that start at one place the longest. */
export class AddedTokenSplitter {
  readonly #raw: TokenFinder;
  readonly #normalized: TokenFinder;

  constructor(
    tokens: readonly AddedToken[],
    private readonly normalize: Normalizer,
  ) {
    this.#raw = new TokenFinder(tokens.filter((token) => !token.normalized).map((token) => [token.content, token]));
    this.#normalized = new TokenFinder(tokens.filter((token) => token.normalized).map((token) => [normalize(token.content), token]));
  }

  /** Null: nothing was found for a while. */
  *split(text: string): Generator<Segment | null, void> {
    for (const piece of this.#raw.split(text, true)) {
      if (piece === null || 'id' in piece) yield piece;
      else yield* this.#normalized.split(this.normalize(piece.text), piece.isStart);
    }
  }
}

interface TrieNode {
  readonly next: Map<number, TrieNode>; // by UTF-16 code unit
  token: AddedToken | null;
}

/** Places where a token may begin that are looked at between two pauses. */
const TRIES_AT_ONCE = 2048;

/** One dictionary of contents, searched through a trie. */
class TokenFinder {
  readonly #root: TrieNode = { next: new Map(), token: null };
  readonly #starts: RegExp | null;

  constructor(entries: readonly (readonly [string, AddedToken])[]) {
    const firsts = new Set<number>();
    for (const [content, token] of entries) {
      if (content === '') continue;
      firsts.add(content.charCodeAt(0));
      this.#add(content, token);
    }
    const members = [...firsts].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
    this.#starts = firsts.size === 0 ? null : new RegExp(`[${members}]`, 'g');
  }

  *split(text: string, isStart: boolean): Generator<Segment | null, void> {
    let done = 0;
    const textUpTo = (end: number): Segment[] => (end > done ? [{ text: text.slice(done, end), isStart: isStart && done === 0 }] : []);
    let tries = 0;
    for (let at = this.#nextStart(text, 0); at >= 0;) {
      const found = this.#longestAt(text, at);
      if (found === null) {
        if (++tries % TRIES_AT_ONCE === 0) yield null;
        at = this.#nextStart(text, at + 1);
        continue;
      }
      const end = at + found.length;
      if (!found.token.singleWord || standsAlone(text, at, end)) {
        yield* textUpTo(found.token.lstrip ? spaceStart(text, done, at) : at);
        yield { id: found.token.id };
        done = found.token.rstrip ? spaceEnd(text, end) : end;
      }
      at = this.#nextStart(text, Math.max(end, done));
    }
    yield* textUpTo(text.length);
  }

  #add(content: string, token: AddedToken): void {
    let node = this.#root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      let next = node.next.get(unit);
      if (next === undefined) node.next.set(unit, (next = { next: new Map(), token: null }));
      node = next;
    }
    node.token ??= token;
  }

  /** Index of the next character that any token begins with, or -1. */
  #nextStart(text: string, from: number): number {
    if (this.#starts === null) return -1;
    this.#starts.lastIndex = from;
    return this.#starts.exec(text)?.index ?? -1;
  }

  #longestAt(text: string, at: number): { token: AddedToken; length: number } | null {
    let best: { token: AddedToken; length: number } | null = null;
    let node: TrieNode | undefined = this.#root;
    for (let i = at; node !== undefined; i++) {
      if (node.token !== null) best = { token: node.token, length: i - at };
      node = i < text.length ? node.next.get(text.charCodeAt(i)) : undefined;
    }
    return best;
  }
}

const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AFTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

function standsAlone(text: string, start: number, end: number): boolean {
  return !WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) && !WORD_AFTER.test(text.slice(end, end + 2));
}

const NO_SPACE = /\P{White_Space}/u; // all white space is one UTF-16 unit

function spaceStart(text: string, from: number, end: number): number {
  let start = end;
  while (start > from && !NO_SPACE.test(text[start - 1]!)) start--;
  return start;
}

function spaceEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && !NO_SPACE.test(text[end]!)) end++;
  return end;
}
