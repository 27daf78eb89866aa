/**
 * A regular expression, as ECMAScript writes them with flag u, -> what it derives. Left out, and refused by name: look-around, back
 * references, \b, \B, \p; and anchors elsewhere than at the ends.
 */
import { ANY_CODE_POINT, type CodePointSet, complement, setOf } from '../grammar/code-points.js';
import { EMPTY, type GrammarNode, chars, choice, repeat, sequence } from '../grammar/node.js';
import { RegexCursor } from './regex-cursor.js';
import { parseClass, parseEscape } from './regex-class.js';

const LINE_ENDS = setOf('\n\r\u2028\u2029');
const NOT_A_LINE_END: CodePointSet = complement(LINE_ENDS);
const ANYTHING = repeat(chars(ANY_CODE_POINT), 0, null);

/** Deeper ones are nobody's. */
const MAX_DEPTH = 100;

/** One alternative of the whole expression, and whether it holds on to the start and the end of the text. */
interface Alternative {
  readonly node: GrammarNode;
  readonly start: boolean;
  readonly end: boolean;
}

export interface RegexOptions {
  /** It may match anywhere in the text, as JSON Schema has it; else all of it. */
  readonly search: boolean;
  /** Says what is wrong. */
  readonly refuse: (message: string) => never;
}

export function parseRegex(pattern: string, { search, refuse }: RegexOptions): GrammarNode {
  const cursor = new RegexCursor(pattern, refuse);
  const alternatives = parseAlternatives(cursor, 0, true);
  if (!cursor.done) cursor.fail('has a ) that closes nothing');
  if (!search) return choice(...alternatives.map(({ node }) => node));
  return choice(...alternatives.map(({ node, start, end }) => sequence(...(start ? [] : [ANYTHING]), node, ...(end ? [] : [ANYTHING]))));
}

function parseAlternatives(cursor: RegexCursor, depth: number, isOutermost: boolean): Alternative[] {
  if (depth > MAX_DEPTH) cursor.fail(`is nested deeper than ${MAX_DEPTH} groups`);
  const alternatives = [parseSequence(cursor, depth, isOutermost)];
  while (cursor.take('|')) alternatives.push(parseSequence(cursor, depth, isOutermost));
  return alternatives;
}

function parseSequence(cursor: RegexCursor, depth: number, isOutermost: boolean): Alternative {
  const items: GrammarNode[] = [];
  let start = false;
  while (cursor.take('^')) {
    if (!isOutermost) cursor.fail('has ^ elsewhere than at its start');
    start = true;
  }
  while (!cursor.done && !cursor.sees('|') && !cursor.sees(')')) {
    if (cursor.sees('$')) {
      while (cursor.take('$'));
      if (!isOutermost || !(cursor.done || cursor.sees('|'))) cursor.fail('has $ elsewhere than at its end');
      return { node: sequence(...items), start, end: true };
    }
    items.push(parseQuantified(cursor, depth));
  }
  return { node: items.length === 0 ? EMPTY : sequence(...items), start, end: false };
}

function parseQuantified(cursor: RegexCursor, depth: number): GrammarNode {
  const item = parseAtom(cursor, depth);
  const bounds = parseBounds(cursor);
  if (bounds === null) return item;
  cursor.take('?'); // a lazy quantifier matches the same texts
  if (cursor.sees('*') || cursor.sees('+') || cursor.sees('?')) cursor.fail('has a quantifier after a quantifier');
  return repeat(item, ...bounds);
}

function parseBounds(cursor: RegexCursor): [number, number | null] | null {
  if (cursor.take('*')) return [0, null];
  if (cursor.take('+')) return [1, null];
  if (cursor.take('?')) return [0, 1];
  const braces = cursor.match(/\{(\d+)(,(\d*))?\}/y);
  if (braces === null) return null;
  const min = Number(braces[1]);
  const max = braces[2] === undefined ? min : braces[3] === '' ? null : Number(braces[3]);
  if (max !== null && max < min) cursor.fail(`has the bounds ${braces[0]} the wrong way round`);
  return [min, max];
}

function parseAtom(cursor: RegexCursor, depth: number): GrammarNode {
  if (cursor.take('(')) {
    const inner = parseGroup(cursor, depth);
    if (!cursor.take(')')) cursor.fail('has a group that is not closed');
    return inner;
  }
  if (cursor.take('[')) return chars(parseClass(cursor));
  if (cursor.take('.')) return chars(NOT_A_LINE_END);
  if (cursor.take('\\')) return chars(parseEscape(cursor, 'atom'));
  const char = cursor.next();
  if ('*+?'.includes(char)) cursor.fail(`has ${char} with nothing before it`);
  if ('{}]'.includes(char)) cursor.fail(`has a ${char} of its own: write \\${char}`);
  if (char === '^') cursor.fail('has ^ elsewhere than at its start');
  return chars(setOf(char));
}

function parseGroup(cursor: RegexCursor, depth: number): GrammarNode {
  if (cursor.take('?')) {
    if (cursor.take('=') || cursor.take('!') || cursor.match(/<[=!]/y) !== null) cursor.fail('has a look-around, which is not supported');
    if (!cursor.take(':') && cursor.match(/<[\p{L}_$][\p{L}\p{N}_$]*>/uy) === null) {
      cursor.fail('has a group (? of a kind that is not supported');
    }
  }
  return choice(...parseAlternatives(cursor, depth + 1, false).map(({ node }) => node));
}
