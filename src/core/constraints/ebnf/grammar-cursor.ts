import { type CodePointRange, type CodePointSet, LAST_CODE_POINT, codePointSet } from '../grammar/code-points.js';
import { refuse } from '../refuse.js';

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
  '"': '"',
  '[': '[',
  ']': ']',
  '-': '-',
  '^': '^',
};

/** Reads the pieces of a GBNF grammar; every one takes the white space and the comments after it along. */
export class GrammarCursor {
  #at = 0;

  constructor(private readonly source: string) {}

  get done(): boolean {
    return this.#at >= this.source.length;
  }

  skip(): void {
    this.#match(/(?:\s|#[^\n]*)*/y);
  }

  /** Whether the next rule starts here. */
  atRule(): boolean {
    return this.#looksLike(/[a-zA-Z_][a-zA-Z0-9_-]*\s*::=/y);
  }

  ruleName(): string | null {
    return this.#match(/([a-zA-Z_][a-zA-Z0-9_-]*)\s*::=/y)?.[1] ?? null;
  }

  name(): string | null {
    return this.#match(/[a-zA-Z_][a-zA-Z0-9_-]*/y)?.[0] ?? null;
  }

  take(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    this.skip();
    return true;
  }

  bounds(): [number, number | null] | null {
    const found = this.#match(/[*+?]|\{\s*(\d+)\s*(,\s*(\d*)\s*)?\}/y);
    if (found === null) return null;
    if (found[0] === '*') return [0, null];
    if (found[0] === '+') return [1, null];
    if (found[0] === '?') return [0, 1];
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? null : Number(found[3]);
    if (max !== null && max < min) this.fail(`the bounds ${found[0]} are the wrong way round`);
    return [min, max];
  }

  /** A text in quotes, or null. */
  text(): string | null {
    if (this.source[this.#at] !== '"') return null;
    this.#at += 1;
    let text = '';
    while (this.source[this.#at] !== '"') text += String.fromCodePoint(this.#char('a text'));
    this.#at += 1;
    this.skip();
    return text;
  }

  charClass(): { readonly set: CodePointSet; readonly negated: boolean } | null {
    if (this.source[this.#at] !== '[') return null;
    this.#at += 1;
    const negated = this.source[this.#at] === '^';
    if (negated) this.#at += 1;
    const ranges: CodePointRange[] = [];
    while (this.source[this.#at] !== ']') {
      const first = this.#char('a class');
      const isRange = this.source[this.#at] === '-' && this.source[this.#at + 1] !== ']';
      if (isRange) this.#at += 1;
      const last = isRange ? this.#char('a class') : first;
      if (first > last) this.fail('a range is the wrong way round');
      ranges.push([first, last]);
    }
    this.#at += 1;
    this.skip();
    return { set: codePointSet(ranges), negated };
  }

  fail(what: string): never {
    const line = this.source.slice(0, this.#at).split('\n').length;
    return refuse('grammar', `line ${line}: ${what}`, 'docs/constraints.md says how grammars are written.');
  }

  /** One character, written as itself or as an escape. */
  #char(within: string): number {
    if (this.done) this.fail(`${within} is not closed`);
    if (this.source[this.#at] !== '\\') return this.#take(this.source.codePointAt(this.#at)!);
    const digits = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;
    digits.lastIndex = this.#at;
    const found = digits.exec(this.source);
    if (found !== null) {
      this.#at += found[0].length;
      const point = Number.parseInt(found[1] ?? found[2] ?? found[3]!, 16);
      if (point > LAST_CODE_POINT || (point >= 0xd800 && point <= 0xdfff)) this.fail(`${found[0]} is no character`);
      return point;
    }
    const escaped = ESCAPES[this.source[this.#at + 1] ?? ''];
    if (escaped === undefined) return this.fail(`the escape \\${this.source[this.#at + 1] ?? ''} is not known`);
    this.#at += 2;
    return escaped.codePointAt(0)!;
  }

  #take(point: number): number {
    if (point >= 0xd800 && point <= 0xdfff) this.fail('half a surrogate pair is no character');
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #looksLike(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.source);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.source);
    if (found === null) return null;
    this.#at += found[0].length;
    if (pattern.source !== SPACE_SOURCE) this.skip();
    return found;
  }
}

const SPACE_SOURCE = /(?:\s|#[^\n]*)*/y.source;
