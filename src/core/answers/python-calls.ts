/** Calls as Python writes them, `[f(a=1, b="x"), g()]` or `f(a=1)`: literals only, as JSON. */
export interface PythonCall {
  readonly name: string;
  readonly json: string;
}

/** Null for anything else: positional arguments, names, expressions. */
export function parsePythonCalls(text: string): readonly PythonCall[] | null {
  const parser = new PythonParser(text);
  try {
    return parser.calls();
  } catch (error) {
    if (error instanceof NotPython) return null;
    throw error;
  }
}

class NotPython extends Error {}

class PythonParser {
  #at = 0;

  constructor(private readonly text: string) {}

  calls(): readonly PythonCall[] {
    this.#space();
    const isList = this.#takes('[');
    const calls: PythonCall[] = [];
    do {
      this.#space();
      if (isList && this.#next() === ']') break;
      calls.push(this.#call());
      this.#space();
    } while (isList && this.#takes(','));
    if (isList) this.#expect(']');
    this.#space();
    if (this.#at < this.text.length || calls.length === 0) throw new NotPython();
    return calls;
  }

  #call(): PythonCall {
    const name = this.#match(/[A-Za-z_][\w.-]*/y);
    this.#space();
    this.#expect('(');
    const fields: string[] = [];
    for (this.#space(); !this.#takes(')'); this.#space()) {
      if (fields.length > 0) this.#expect(',');
      this.#space();
      if (this.#takes(')')) break;
      const key = this.#match(/[A-Za-z_]\w*/y);
      this.#space();
      this.#expect('=');
      fields.push(`${JSON.stringify(key)}: ${this.#value()}`);
    }
    return { name, json: `{${fields.join(', ')}}` };
  }

  #value(): string {
    this.#space();
    const next = this.#next();
    if (next === '"' || next === "'") return JSON.stringify(this.#string(next));
    if (next === '[' || next === '(') return this.#sequence(next === '[' ? ']' : ')');
    if (next === '{') return this.#dictionary();
    const word = this.#match(/[A-Za-z]+|[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y);
    const literal = LITERALS.get(word);
    if (literal !== undefined) return literal;
    const number = Number(word.replaceAll('_', ''));
    if (!Number.isFinite(number)) throw new NotPython();
    return isJsonNumber(word) ? word : String(number);
  }

  #sequence(end: string): string {
    this.#at += 1;
    const values: string[] = [];
    for (this.#space(); !this.#takes(end); this.#space()) {
      if (values.length > 0) this.#expect(',');
      this.#space();
      if (this.#takes(end)) break;
      values.push(this.#value());
    }
    return `[${values.join(', ')}]`;
  }

  #dictionary(): string {
    this.#at += 1;
    const fields: string[] = [];
    for (this.#space(); !this.#takes('}'); this.#space()) {
      if (fields.length > 0) this.#expect(',');
      this.#space();
      if (this.#takes('}')) break;
      const quote = this.#next();
      if (quote !== '"' && quote !== "'") throw new NotPython();
      const key = JSON.stringify(this.#string(quote));
      this.#space();
      this.#expect(':');
      fields.push(`${key}: ${this.#value()}`);
    }
    return `{${fields.join(', ')}}`;
  }

  #string(quote: string): string {
    const isLong = this.text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    let text = '';
    while (!this.text.startsWith(end, this.#at)) {
      const next = this.#next();
      if (next === '' || (next === '\n' && !isLong)) throw new NotPython();
      text += next === '\\' ? this.#escape() : next;
      if (next !== '\\') this.#at += 1;
    }
    this.#at += end.length;
    return text;
  }

  #escape(): string {
    const code = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8}))/y;
    code.lastIndex = this.#at;
    const found = code.exec(this.text);
    if (found !== null) {
      const point = Number.parseInt(found[1] ?? found[2] ?? found[3]!, 16);
      if (point > 0x10_ff_ff) throw new NotPython();
      this.#at += found[0].length;
      return String.fromCodePoint(point);
    }
    const escaped = this.text.charAt(this.#at + 1);
    if (escaped === '') throw new NotPython();
    this.#at += 2;
    return ESCAPES.get(escaped) ?? `\\${escaped}`;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) throw new NotPython();
    this.#at += found.length;
    return found;
  }

  #next(): string {
    return this.text.charAt(this.#at);
  }

  #takes(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#takes(character)) throw new NotPython();
  }

  #space(): void {
    while (/\s/.test(this.#next())) this.#at += 1;
  }
}

const LITERALS = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
]);

const ESCAPES = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
  ['\\', '\\'],
  ['"', '"'],
  ["'", "'"],
  ['\n', ''],
]);

function isJsonNumber(text: string): boolean {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
}
