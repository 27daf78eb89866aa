/** Numbers between bounds, as digits. */
import { codePointSet } from '../grammar/code-points.js';
import { type GrammarNode, chars, choice, literal, optional, repeat, sequence } from '../grammar/node.js';

const ZERO = 0x30;
const digit = (low: number, high: number): GrammarNode => chars(codePointSet([[ZERO + low, ZERO + high]]));
const ANY = digit(0, 9);

export interface IntegerRange {
  readonly low: bigint | null;
  readonly high: bigint | null;
}

/** Most digits of an integer that has no bound on a side: as of INTEGER. */
const MOST = 10n ** 21n - 1n;

/** Null where no integer lies between. */
export function integerRange({ low, high }: IntegerRange): GrammarNode | null {
  const from = low ?? min(-MOST, high ?? 0n);
  const to = high ?? max(MOST, low ?? 0n);
  if (from > to) return null;
  const parts: GrammarNode[] = [];
  // Not -0: it is no number apart.
  if (from < 0n) parts.push(sequence(literal('-'), magnitudes(to < 0n ? -to : 1n, -from)));
  if (to >= 0n) parts.push(magnitudes(from > 0n ? from : 0n, to));
  return choice(...parts);
}

/** Whole numbers from `low` to `high`, both >= 0, without leading zeros. */
function magnitudes(low: bigint, high: bigint): GrammarNode {
  const [from, to] = [low.toString(), high.toString()];
  const parts: GrammarNode[] = [];
  for (let length = from.length; length <= to.length; length++) {
    const least = length === from.length ? from : `1${'0'.repeat(length - 1)}`;
    const most = length === to.length ? to : '9'.repeat(length);
    parts.push(between(least, most));
  }
  return choice(...parts);
}

/** Strings of digits from `low` to `high`, all of one length. */
function between(low: string, high: string): GrammarNode {
  if (low === '') return literal('');
  const [a, b] = [Number(low[0]), Number(high[0])];
  const rest = low.length - 1;
  if (a === b) return sequence(digit(a, a), between(low.slice(1), high.slice(1)));
  const isLeast = /^0*$/.test(low.slice(1));
  const isMost = /^9*$/.test(high.slice(1));
  const parts: GrammarNode[] = [];
  if (!isLeast) parts.push(sequence(digit(a, a), between(low.slice(1), '9'.repeat(rest))));
  const [from, to] = [isLeast ? a : a + 1, isMost ? b : b - 1];
  if (from <= to) parts.push(sequence(digit(from, to), repeat(ANY, rest, rest)));
  if (!isMost) parts.push(sequence(digit(b, b), between('0'.repeat(rest), high.slice(1))));
  return choice(...parts);
}

/** Bounds of a number in units of 10 ** -places. */
export interface DecimalRange extends IntegerRange {
  readonly places: number;
  /** Digits before the point, where a side has no bound. */
  readonly wholeDigits: number;
}

/**
 * Decimals with at most `places` digits after the point, without an exponent. Few enough digits, and each of them is a number of its own:
 * what is beyond a bound as a text is beyond it as a number. Null where there is none.
 */
export function decimalRange({ low, high, places, wholeDigits }: DecimalRange): GrammarNode | null {
  const unit = 10n ** BigInt(places);
  const most = 10n ** BigInt(wholeDigits) * unit - 1n;
  const from = low ?? min(-most, high ?? 0n);
  const to = high ?? max(most, low ?? 0n);
  if (from > to) return null;
  const parts: GrammarNode[] = [];
  if (from < 0n) parts.push(sequence(literal('-'), decimals(to < 0n ? -to : 1n, -from, places)));
  if (to >= 0n) parts.push(decimals(from > 0n ? from : 0n, to, places));
  return choice(...parts);
}

/** From `low` to `high` units, both >= 0. */
function decimals(low: bigint, high: bigint, places: number): GrammarNode {
  const unit = 10n ** BigInt(places);
  const [first, last] = [low / unit, high / unit];
  const [lowRest, highRest] = [restOf(low % unit, places), restOf(high % unit, places)];
  const most = '9'.repeat(places);
  const under = (whole: bigint, from: string, to: string): GrammarNode => sequence(literal(whole.toString()), fractions(from, to));
  if (first === last) return under(first, lowRest, highRest);
  const parts: GrammarNode[] = [];
  const from = /^0*$/.test(lowRest) ? first : first + 1n;
  const to = highRest === most ? last : last - 1n;
  if (from > first) parts.push(under(first, lowRest, most));
  if (from <= to) parts.push(sequence(magnitudes(from, to), optional(sequence(literal('.'), repeat(ANY, 1, places)))));
  if (to < last) parts.push(under(last, '0'.repeat(places), highRest));
  return choice(...parts);
}

/** What may come after the whole part: a fraction from `low` to `high`, which both have all places; shorter ones end in zeros. */
function fractions(low: string, high: string): GrammarNode {
  const node = fractionDigits(low, high);
  const dotted = node === null ? null : sequence(literal('.'), node);
  if (!/^0*$/.test(low)) return dotted!;
  return dotted === null ? literal('') : optional(dotted);
}

/** One digit or more; null where there is no place for one. */
function fractionDigits(low: string, high: string): GrammarNode | null {
  if (low === '') return null;
  const [a, b] = [Number(low[0]), Number(high[0])];
  const rest = low.length - 1;
  const parts: GrammarNode[] = [];
  for (let d = a; d <= b; d++) {
    const from = d === a ? low.slice(1) : '0'.repeat(rest);
    const to = d === b ? high.slice(1) : '9'.repeat(rest);
    const isWhole = /^0*$/.test(from) && /^9*$/.test(to);
    const more = isWhole ? (rest > 0 ? repeat(ANY, 1, rest) : null) : fractionDigits(from, to);
    // Ending here is as if zeros followed.
    if (/^0*$/.test(from)) parts.push(sequence(digit(d, d), more === null ? literal('') : optional(more)));
    else if (more !== null) parts.push(sequence(digit(d, d), more));
  }
  return choice(...parts);
}

function restOf(units: bigint, places: number): string {
  return places === 0 ? '' : units.toString().padStart(places, '0');
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
