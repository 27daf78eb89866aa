/** Pieces of JSON: strings, numbers, white space, literals. */
import { codePointSet, complement, contains, intersect, setOf, type CodePointSet } from '../grammar/code-points.js';
import { EMPTY, type GrammarNode, chars, choice, literal, optional, repeat, sequence } from '../grammar/node.js';
import type { JsonLayout } from '../limits.js';

const HEX = codePointSet([
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
]);
const DIGIT = codePointSet([[0x30, 0x39]]);
const NONZERO = codePointSet([[0x31, 0x39]]);

/** Characters that stand for themselves in a string. */
const PLAIN = complement(codePointSet([[0, 0x1f], ...setOf('"\\')]));

const hex = (low: number, high: number): GrammarNode => chars(intersect(HEX, codePointSet([[low, high]])));
const anyHex = chars(HEX);
const surrogate = (third: GrammarNode): GrammarNode => sequence(chars(setOf('dD')), third, anyHex, anyHex);

/** \uXXXX; halves of a surrogate pair only together. */
const UNICODE_ESCAPE = choice(
  sequence(
    literal('u'),
    choice(
      sequence(choice(hex(0x30, 0x39), chars(setOf('aAbBcCeEfF'))), anyHex, anyHex, anyHex),
      sequence(chars(setOf('dD')), hex(0x30, 0x37), anyHex, anyHex),
    ),
  ),
  sequence(literal('u'), surrogate(chars(setOf('89abAB'))), literal('\\u'), surrogate(chars(setOf('cdefCDEF')))),
);

/** One character of a string's content, in any of the ways JSON can write it. */
export const STRING_CHAR: GrammarNode = choice(chars(PLAIN), sequence(literal('\\'), choice(chars(setOf('"\\/bfnrt')), UNICODE_ESCAPE)));

/** The same in one way only, that of JSON.stringify: then texts can be compared and matched. */
export const PLAIN_STRING_CHAR: GrammarNode = asWritten(codePointSet([[0, 0x10ffff]]));

export function quoted(content: GrammarNode): GrammarNode {
  return sequence(literal('"'), content, literal('"'));
}

/** Characters of a string's value as JSON.stringify writes them. */
export function asWritten(set: CodePointSet): GrammarNode {
  const plain = intersect(set, PLAIN);
  const escapes = [...Array(0x20).keys(), 0x22, 0x5c]
    .filter((point) => contains(set, point))
    .map((point) => JSON.stringify(String.fromCharCode(point)).slice(2, -1));
  const letters = escapes.filter((escape) => escape.length === 1);
  const byHigh = ['0', '1'].map((high) => ({
    high,
    lows: escapes.filter((escape) => escape.startsWith(`u00${high}`)).map((escape) => escape[4]),
  }));
  const items = [
    ...(letters.length > 0 ? [chars(setOf(letters.join('')))] : []),
    ...byHigh.filter(({ lows }) => lows.length > 0).map(({ high, lows }) => sequence(literal(`u00${high}`), chars(setOf(lows.join(''))))),
  ];
  const escaped = items.length > 0 ? [sequence(literal('\\'), choice(...items))] : [];
  return choice(...(plain.length > 0 || escaped.length === 0 ? [chars(plain)] : []), ...escaped);
}

/** What a node derives, as the content of a JSON string. */
export function inString(node: GrammarNode): GrammarNode {
  switch (node.kind) {
    case 'chars':
      return asWritten(node.set);
    case 'literal':
      return literal(JSON.stringify(node.text).slice(1, -1));
    case 'sequence':
    case 'choice':
      return { ...node, items: node.items.map(inString) };
    case 'repeat':
      return { ...node, item: inString(node.item) };
    case 'rule':
    case 'minus':
    case 'within':
    case 'list':
      throw new Error(`[constraint.json] ${node.kind} is not part of an expression`);
  }
}

/** Digits are bounded: a small model would go on for ever, and a value must not overflow. 21 digits is where JSON.stringify stops. */
const digits = (min: number, max: number): GrammarNode => repeat(chars(DIGIT), min, max);
const whole = (max: number): GrammarNode => choice(literal('0'), sequence(chars(NONZERO), digits(0, max - 1)));
const fraction = sequence(literal('.'), digits(1, 24));
/** Below 1e308, so that a mantissa of one digit stays finite. */
const large = choice(
  digits(1, 2),
  sequence(chars(setOf('12')), digits(2, 2)),
  sequence(literal('30'), chars(codePointSet([[0x30, 0x37]]))),
);
const exponent = sequence(chars(setOf('eE')), choice(sequence(optional(literal('+')), large), sequence(literal('-'), digits(1, 3))));

export const INTEGER: GrammarNode = sequence(optional(literal('-')), whole(21));
export const NUMBER: GrammarNode = sequence(
  optional(literal('-')),
  choice(sequence(whole(21), optional(fraction)), sequence(chars(DIGIT), optional(fraction), exponent)),
);
export const BOOLEAN: GrammarNode = choice(literal('true'), literal('false'));
export const NULL: GrammarNode = literal('null');

/** Around the members of an object and the elements of an array: nothing, a space, or a line break and an indentation. */
export function gap({ whitespace, maxIndent }: JsonLayout): GrammarNode {
  if (whitespace === 'compact') return EMPTY;
  return optional(choice(literal(' '), sequence(literal('\n'), repeat(literal(' '), 0, maxIndent))));
}

export function colon({ whitespace }: JsonLayout): GrammarNode {
  return whitespace === 'compact' ? literal(':') : sequence(literal(':'), optional(literal(' ')));
}

/** Any value as JSON.stringify writes it. */
export function valueLiteral(value: unknown): GrammarNode {
  return literal(JSON.stringify(value));
}
