/** Numbers, with bounds as digits. */
import type { GrammarNode } from '../grammar/node.js';
import { anyNumber } from './any-value.js';
import type { SchemaCompiler } from './compile-schema.js';
import { toDecimal } from './decimal.js';
import { INTEGER } from './json-text.js';
import { decimalRange, integerRange } from './number-range.js';
import type { SchemaObject } from './schema-types.js';

/** Digits that a double always keeps apart. */
const EXACT_DIGITS = 15;
/** Digits before the point where bounds need fewer. */
const USUAL_WHOLE_DIGITS = 9;

interface Bound {
  readonly units: bigint; // of 10 ** -places
  readonly places: number;
  readonly wholeDigits: number;
  readonly isExclusive: boolean;
}

export function compileNumber(schema: SchemaObject, type: 'integer' | 'number', path: string, compiler: SchemaCompiler): GrammarNode {
  const { multipleOf } = schema;
  if (multipleOf !== undefined && !(type === 'integer' && multipleOf === 1)) {
    compiler.document.fail(`${path}/multipleOf`, 'keyword "multipleOf" is not supported');
  }
  const low = [...boundOf(schema, 'minimum', path, compiler), ...boundOf(schema, 'exclusiveMinimum', path, compiler)];
  const high = [...boundOf(schema, 'maximum', path, compiler), ...boundOf(schema, 'exclusiveMaximum', path, compiler)];
  const bounds = [...low, ...high];
  if (bounds.length === 0) return type === 'number' ? anyNumber(compiler.rules) : compiler.rules.share('integer', () => INTEGER);
  const wholeDigits = Math.max(USUAL_WHOLE_DIGITS, ...bounds.map((bound) => bound.wholeDigits));
  const places = type === 'integer' ? 0 : EXACT_DIGITS - wholeDigits;
  const finest = Math.max(...bounds.map((bound) => bound.places));
  if (type === 'number' && (places < 1 || finest > places)) {
    compiler.document.fail(
      path,
      `bounds with more than ${EXACT_DIGITS} digits in all, ${USUAL_WHOLE_DIGITS} of them before the point, are not supported for numbers`,
    );
  }
  const range = {
    low: low.map((bound) => lowest(bound, places)).reduce<bigint | null>((a, b) => (a === null || b > a ? b : a), null),
    high: high.map((bound) => highest(bound, places)).reduce<bigint | null>((a, b) => (a === null || b < a ? b : a), null),
  };
  const node = type === 'integer' ? integerRange(range) : decimalRange({ ...range, places, wholeDigits });
  return node ?? compiler.document.fail(path, `no ${type} is within its bounds`);
}

function boundOf(schema: SchemaObject, keyword: string, path: string, { document }: SchemaCompiler): Bound[] {
  const value = schema[keyword];
  if (value === undefined) return [];
  if (typeof value !== 'number') return document.fail(`${path}/${keyword}`, `wanted a number, got ${JSON.stringify(value)}`);
  const decimal = toDecimal(value);
  if (decimal === null) return document.fail(`${path}/${keyword}`, `${value} has too many digits for a bound`);
  const { negative, whole, fraction } = decimal;
  const units = BigInt(whole + fraction) * (negative ? -1n : 1n);
  return [{ units, places: fraction.length, wholeDigits: whole.length, isExclusive: keyword.startsWith('exclusive') }];
}

/** The least number of units of 10 ** -places that the bound allows. */
function lowest({ units, places: has, isExclusive }: Bound, places: number): bigint {
  const floor = scale(units, has, places, 'down');
  const isExact = floor === scale(units, has, places, 'up');
  return isExact && !isExclusive ? floor : floor + 1n;
}

function highest({ units, places: has, isExclusive }: Bound, places: number): bigint {
  const ceiling = scale(units, has, places, 'up');
  const isExact = ceiling === scale(units, has, places, 'down');
  return isExact && !isExclusive ? ceiling : ceiling - 1n;
}

function scale(units: bigint, from: number, to: number, rounding: 'up' | 'down'): bigint {
  if (to >= from) return units * 10n ** BigInt(to - from);
  const divisor = 10n ** BigInt(from - to);
  const quotient = units / divisor;
  const rest = units % divisor;
  if (rest === 0n) return quotient;
  if (rounding === 'down') return rest < 0n ? quotient - 1n : quotient;
  return rest > 0n ? quotient + 1n : quotient;
}
