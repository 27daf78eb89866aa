import { unsupported } from './json-shape.js';

/**
 * Rewrites a pattern of tokenizer.json (Oniguruma, Ruby syntax, Unicode) as a JavaScript RegExp with the flags `gv`.
 * What differs: the meaning of \s \d \w . ^ $, possessive quantifiers and atomic groups, inline `(?i:`, and which
 * characters of a class need a backslash. Nested classes and && mean the same in both.
 */
export function translateRegex(pattern: string): RegExp {
  try {
    return new RegExp(new Translator(pattern).run(), 'gv');
  } catch (error) {
    throw unsupported(`the pre-tokenizer's pattern ${JSON.stringify(pattern)} cannot be used: ${String(error)}`);
  }
}

const SPACE = '\\p{White_Space}';
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}';
const OUTSIDE: Readonly<Record<string, string>> = {
  s: SPACE,
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: `[${WORD}]`,
  W: `[^${WORD}]`,
  h: '[0-9A-Fa-f]',
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
  R: '(?:\\r\\n|[\\n-\\r\\x85\\u2028\\u2029])',
};
const INSIDE: Readonly<Record<string, string>> = { ...OUTSIDE, h: '0-9A-Fa-f', w: WORD };
const POSIX: Readonly<Record<string, string>> = {
  alpha: '\\p{Alphabetic}',
  digit: '\\p{Nd}',
  alnum: '\\p{Alphabetic}\\p{Nd}',
  upper: '\\p{Uppercase}',
  lower: '\\p{Lowercase}',
  space: SPACE,
  punct: '\\p{P}\\p{S}',
  cntrl: '\\p{Cc}',
  word: WORD,
  xdigit: '0-9A-Fa-f',
};
/** Letters whose simple case folding has a partner outside ASCII: U+017F and the Kelvin sign. */
const EXTRA_FOLDS: Readonly<Record<string, string>> = { s: '\\u017F', k: '\\u212A' };

class Translator {
  #at = 0;
  #groups = 0;

  constructor(private readonly source: string) {}

  run(): string {
    const out = this.#alternatives(false);
    if (this.#at < this.source.length) throw new SyntaxError(`unmatched ) at ${this.#at}`);
    return out;
  }

  /** Up to the closing parenthesis of this group, or the end. */
  #alternatives(fold: boolean): string {
    let out = '';
    while (this.#at < this.source.length && this.source[this.#at] !== ')') {
      if (this.source[this.#at] === '|') {
        out += '|';
        this.#at++;
      } else {
        out += this.#quantified(this.#atom(fold));
      }
    }
    return out;
  }

  /** An atom with the quantifier after it; a possessive one becomes a lookahead whose capture is then consumed. */
  #quantified(atom: string): string {
    const quantifier = /^(?:[*+?]|\{\d*,?\d*\})/.exec(this.source.slice(this.#at))?.[0];
    if (quantifier === undefined || quantifier === '{,}' || quantifier === '{}') return atom;
    this.#at += quantifier.length;
    const spelled = quantifier.startsWith('{,') ? `{0${quantifier.slice(1)}` : quantifier;
    const suffix = this.source[this.#at];
    if (suffix === '+' && !quantifier.startsWith('{')) {
      this.#at++;
      return this.#atomic(atom + spelled);
    }
    if (suffix !== '?') return atom + spelled;
    this.#at++;
    return `${atom}${spelled}?`;
  }

  #atomic(inner: string): string {
    const name = `atomic${this.#groups++}`;
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`;
  }

  #atom(fold: boolean): string {
    const char = String.fromCodePoint(this.source.codePointAt(this.#at)!);
    if (char === '(') return this.#group(fold);
    if (char === '[') return this.#class(fold);
    if (char === '\\') return this.#escape(OUTSIDE, fold);
    this.#at += char.length;
    if (char === '.') return '[^\\n]';
    if (char === '^') return '(?<![^\\n])';
    if (char === '$') return '(?![^\\n])';
    return literal(char, fold);
  }

  #group(fold: boolean): string {
    const opening = /^\((?:\?(?:i:|[:=!>]|<[=!]|<[A-Za-z]\w*>|(?=[^])))?/.exec(this.source.slice(this.#at))![0];
    if (opening === '(?') throw new SyntaxError(`unknown group at ${this.#at}`);
    this.#at += opening.length;
    const inner = this.#alternatives(fold || opening === '(?i:');
    if (this.source[this.#at++] !== ')') throw new SyntaxError('missing )');
    if (opening === '(?>') return this.#atomic(inner);
    return `${opening === '(?i:' || opening === '(' ? '(?:' : opening}${inner})`;
  }

  #class(fold: boolean): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.source.slice(this.#at));
    if (posix !== null) {
      const members = POSIX[posix[2]!];
      if (members === undefined) throw new SyntaxError(`unknown class ${posix[0]}`);
      this.#at += posix[0].length;
      return `[${posix[1]}${members}]`;
    }
    let out = '[';
    this.#at++;
    if (this.source[this.#at] === '^') {
      out += '^';
      this.#at++;
    }
    for (let first = true; ; first = false) {
      const char = this.source.codePointAt(this.#at) === undefined ? '' : String.fromCodePoint(this.source.codePointAt(this.#at)!);
      if (char === '') throw new SyntaxError('missing ]');
      if (char === ']' && !first) break;
      if (char === '[') out += this.#class(fold);
      else if (char === '\\') out += this.#escape(INSIDE, fold);
      else if (this.source.startsWith('&&', this.#at)) {
        out += '&&';
        this.#at += 2;
      } else {
        this.#at += char.length;
        const isRange = char === '-' && !first && this.source[this.#at] !== ']' && !/[\\[]/.test(this.source[this.#at] ?? ']');
        out += isRange ? '-' : classLiteral(char, fold);
      }
    }
    this.#at++;
    return `${out}]`;
  }

  #escape(meaning: Readonly<Record<string, string>>, fold: boolean): string {
    const rest = this.source.slice(this.#at);
    const numeric = /^\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(rest);
    if (numeric !== null) {
      this.#at += numeric[0].length;
      return `\\u{${numeric[1] ?? numeric[2] ?? numeric[3]}}`;
    }
    const property = /^\\([pP])\{(\^?)([^}]+)\}/.exec(rest);
    if (property !== null) {
      this.#at += property[0].length;
      const negated = (property[1] === 'P') !== (property[2] === '^');
      return `\\${negated ? 'P' : 'p'}{${propertyName(property[3]!)}}`;
    }
    const char = String.fromCodePoint(this.source.codePointAt(this.#at + 1) ?? 0);
    this.#at += 1 + char.length;
    if (/[nrtfv]/.test(char)) return `\\${char}`;
    const known = Object.hasOwn(meaning, char) ? meaning[char] : undefined;
    if (known !== undefined) return known;
    if (/[A-Za-z0-9]/.test(char)) throw new SyntaxError(`unknown escape \\${char}`);
    return meaning === INSIDE ? classLiteral(char, fold) : literal(char, fold);
  }
}

/** A general category or a binary property as it stands; a script needs its prefix in JavaScript. */
function propertyName(name: string): string {
  try {
    new RegExp(`\\p{${name}}`, 'v');
    return name;
  } catch {
    return `Script=${name}`;
  }
}

function literal(char: string, fold: boolean): string {
  if (fold && /[A-Za-z]/.test(char)) return `[${classLiteral(char, true)}]`;
  return /[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function classLiteral(char: string, fold: boolean): string {
  if (fold && /[A-Za-z]/.test(char)) {
    const lower = char.toLowerCase();
    return lower + char.toUpperCase() + (EXTRA_FOLDS[lower] ?? '');
  }
  return /[()[\]{}/\-\\|^&!#$%*+,.:;<=>?@`~]/.test(char) ? `\\${char}` : char;
}
