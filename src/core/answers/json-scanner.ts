/** Follows one JSON value (RFC 8259) character by character, and says at each whether it can still become one. */
export type JsonState = 'open' | 'done' | 'wrong';

type Expects = 'value' | 'first_value' | 'first_key' | 'key' | 'colon' | 'comma';

export class JsonScanner {
  readonly #nesting: ('{' | '[')[] = [];
  #expects: Expects = 'value';
  /** What of a string, number or word has been read; null outside of one. */
  #token: { readonly kind: 'string' | 'number' | 'word'; text: string; readonly isKey: boolean } | null = null;
  #escape = '';
  #state: JsonState = 'open';

  get state(): JsonState {
    return this.#state;
  }

  /** Whether the value is complete if nothing follows: a number at the top has no end of its own. */
  get mayEnd(): boolean {
    return this.#state === 'done' || (this.#nesting.length === 0 && this.#token?.kind === 'number' && isNumber(this.#token.text));
  }

  get depth(): number {
    return this.#nesting.length;
  }

  /** Takes one character; after `done` or `wrong` nothing changes. */
  push(character: string): JsonState {
    if (this.#state === 'open' && !this.#take(character)) this.#state = 'wrong';
    return this.#state;
  }

  #take(c: string): boolean {
    const token = this.#token;
    if (token?.kind === 'string') return this.#inString(c, token);
    if (token !== null) {
      const text = token.text + c;
      if (token.kind === 'number' ? NUMBER_START.test(text) : WORDS.some((word) => word.startsWith(text))) {
        token.text = text;
        if (WORDS.includes(text)) this.#valueEnds();
        return true;
      }
      if (token.kind === 'word' || !isNumber(token.text)) return false;
      this.#valueEnds();
      if (this.#state === 'done') return false; // the caller sees `mayEnd` before it goes on
    }
    return /[ \t\n\r]/.test(c) || this.#structure(c);
  }

  #inString(c: string, token: { text: string; readonly isKey: boolean }): boolean {
    if (this.#escape !== '') {
      this.#escape += c;
      if (this.#escape.length === 2 && c !== 'u') this.#escape = '';
      else if (this.#escape.length > 2 && !/[0-9a-fA-F]/.test(c)) return false;
      else if (this.#escape.length === 6) this.#escape = '';
      return this.#escape !== '' || /[0-9a-fA-F"\\/bnrt]/.test(c);
    }
    if (c === '\\') this.#escape = c;
    else if (c === '"') {
      if (token.isKey) {
        this.#token = null;
        this.#expects = 'colon';
      } else this.#valueEnds();
    }
    return c >= ' ';
  }

  #structure(c: string): boolean {
    const expects = this.#expects;
    if (expects === 'colon') return c === ':' && this.#expect('value');
    if (expects === 'comma') {
      const open = this.#nesting.at(-1);
      if (c === ',') return this.#expect(open === '{' ? 'key' : 'value');
      return c === (open === '{' ? '}' : ']') && this.#close();
    }
    if (expects === 'key' || expects === 'first_key') {
      if (c === '"') return this.#begin('string', c, true);
      return c === '}' && expects === 'first_key' && this.#close();
    }
    if (c === ']' && expects === 'first_value') return this.#close();
    if (c === '{' || c === '[') {
      this.#nesting.push(c);
      return this.#expect(c === '{' ? 'first_key' : 'first_value');
    }
    if (c === '"') return this.#begin('string', c, false);
    if (/[-0-9]/.test(c)) return this.#begin('number', c, false);
    return WORDS.some((word) => word.startsWith(c)) && this.#begin('word', c, false);
  }

  #expect(expects: Expects): true {
    this.#expects = expects;
    return true;
  }

  #begin(kind: 'string' | 'number' | 'word', text: string, isKey: boolean): true {
    this.#token = { kind, text, isKey };
    return true;
  }

  #close(): true {
    this.#nesting.pop();
    this.#valueEnds();
    return true;
  }

  #valueEnds(): void {
    this.#token = null;
    if (this.#nesting.length === 0) this.#state = 'done';
    this.#expects = 'comma';
  }
}

const WORDS = ['true', 'false', 'null'];
const NUMBER_START = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?(?:(?<=\d)[eE][+-]?\d*)?)?$/;

function isNumber(text: string): boolean {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
}
