/** Where in an expression the parser is. */
export class RegexCursor {
  #at = 0;

  constructor(
    private readonly pattern: string,
    private readonly refuse: (message: string) => never,
  ) {}

  get done(): boolean {
    return this.#at >= this.pattern.length;
  }

  sees(char: string): boolean {
    return this.pattern.startsWith(char, this.#at);
  }

  take(char: string): boolean {
    if (!this.sees(char)) return false;
    this.#at += char.length;
    return true;
  }

  /** The next character, whole. */
  next(): string {
    if (this.done) this.fail('ends too early');
    const char = String.fromCodePoint(this.pattern.codePointAt(this.#at)!);
    if (/^\p{Surrogate}$/u.test(char)) this.fail('holds half a surrogate pair');
    this.#at += char.length;
    return char;
  }

  /** `pattern` is sticky. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.pattern);
    if (found !== null) this.#at += found[0].length;
    return found;
  }

  fail(what: string): never {
    return this.refuse(`the expression ${JSON.stringify(this.pattern)} ${what} (at ${this.#at})`);
  }
}
