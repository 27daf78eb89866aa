/** Classes [...] and escapes. */
import { type CodePointRange, type CodePointSet, LAST_CODE_POINT, codePointSet, complement, setOf } from '../grammar/code-points.js';
import type { RegexCursor } from './regex-cursor.js';

const DIGIT = codePointSet([[0x30, 0x39]]);
const WORD = codePointSet([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const SPACE = codePointSet([...setOf('\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'), [0x2000, 0x200a]]);
const CLASSES: Readonly<Record<string, CodePointSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v', 0: '\0' };
const SYNTAX = '^$\\.*+?()[]{}|/';

/** After the [. */
export function parseClass(cursor: RegexCursor): CodePointSet {
  const isNegated = cursor.take('^');
  const ranges: CodePointRange[] = [];
  while (!cursor.take(']')) {
    const from = parseMember(cursor);
    if (!cursor.sees('-') || cursor.sees('-]')) {
      ranges.push(...from);
      continue;
    }
    cursor.take('-');
    const to = parseMember(cursor);
    const [first, last] = [pointOf(from), pointOf(to)];
    if (first === null || last === null) return cursor.fail('has a range between classes');
    if (first > last) cursor.fail('has a range the wrong way round');
    ranges.push([first, last]);
  }
  const set = codePointSet(ranges);
  return isNegated ? complement(set) : set;
}

/** After the \. `atom`: outside of a class. */
export function parseEscape(cursor: RegexCursor, place: 'atom' | 'class'): CodePointSet {
  const digits = cursor.match(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}/y);
  if (digits !== null) return onePoint(cursor, Number.parseInt(digits[1] ?? digits[2] ?? digits[3]!, 16));
  const char = cursor.next();
  const known = CLASSES[char];
  if (known !== undefined) return known;
  const control = CONTROLS[char];
  if (control !== undefined) return setOf(control);
  if (SYNTAX.includes(char) || char === '-') return setOf(char);
  if (place === 'class' && char === 'b') return setOf('\b');
  if (/[a-zA-Z0-9]/.test(char)) cursor.fail(`has \\${char}, which is not supported`);
  return setOf(char);
}

function parseMember(cursor: RegexCursor): CodePointSet {
  if (cursor.done) cursor.fail('has a class that is not closed');
  return cursor.take('\\') ? parseEscape(cursor, 'class') : setOf(cursor.next());
}

/** The second half of a pair written as two escapes belongs to it. */
function onePoint(cursor: RegexCursor, point: number): CodePointSet {
  if (point > LAST_CODE_POINT) cursor.fail('names a code point beyond U+10FFFF');
  if (point < 0xd800 || point > 0xdfff) return codePointSet([[point, point]]);
  const low = point < 0xdc00 ? cursor.match(/\\u([dD][c-fC-F][0-9a-fA-F]{2})/y) : null;
  if (low === null) return cursor.fail('names half a surrogate pair');
  const whole = 0x10000 + ((point - 0xd800) << 10) + (Number.parseInt(low[1]!, 16) - 0xdc00);
  return codePointSet([[whole, whole]]);
}

function pointOf(set: CodePointSet): number | null {
  return set.length === 1 && set[0]![0] === set[0]![1] ? set[0]![0] : null;
}
