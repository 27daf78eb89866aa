import { ANY_CODE_POINT } from '../grammar/code-points.js';
import { type GrammarNode, chars, repeat } from '../grammar/node.js';
import { parseRegex } from '../regex/parse-regex.js';
import { anyString } from './any-value.js';
import { assertOrder, countOf } from './bounds.js';
import type { SchemaCompiler } from './compile-schema.js';
import { FORMATS } from './formats.js';
import { STRING_CHAR, inString, quoted } from './json-text.js';
import type { SchemaObject } from './schema-types.js';

/** Lengths count code points, as JSON Schema has it. */
export function compileString(schema: SchemaObject, path: string, compiler: SchemaCompiler): GrammarNode {
  const { rules } = compiler;
  const min = countOf(schema, 'minLength', 0, path, compiler);
  const max = countOf(schema, 'maxLength', null, path, compiler);
  assertOrder(min, max, 'minLength and maxLength', path, compiler);
  const isBounded = min > 0 || max !== null;
  const texts = [patternOf(schema, path, compiler), formatOf(schema, path, compiler)].filter((node) => node !== null);
  if (texts.length === 0 && !isBounded) return anyString(rules);
  if (texts.length === 0) {
    const char = rules.share('char', () => STRING_CHAR);
    return rules.share(`string of ${min}..${max ?? ''} characters`, () => quoted(repeat(char, min, max)));
  }
  if (isBounded) texts.push(repeat(chars(ANY_CODE_POINT), min, max));
  const [first, ...others] = texts.map(inString);
  const content = others.reduce<GrammarNode>((item, within) => ({ kind: 'within', item, within }), first!);
  return rules.add(`string at ${path}`, () => quoted(content));
}

function patternOf(schema: SchemaObject, path: string, { document }: SchemaCompiler): GrammarNode | null {
  const pattern = schema['pattern'];
  if (pattern === undefined) return null;
  if (typeof pattern !== 'string') return document.fail(`${path}/pattern`, 'should be an expression');
  return parseRegex(pattern, { search: true, refuse: (message) => document.fail(`${path}/pattern`, message) });
}

function formatOf(schema: SchemaObject, path: string, { document }: SchemaCompiler): GrammarNode | null {
  const format = schema['format'];
  if (format === undefined) return null;
  const pattern = typeof format === 'string' ? FORMATS.get(format) : undefined;
  if (pattern !== undefined) return parseRegex(pattern, { search: false, refuse: (message) => document.fail(`${path}/format`, message) });
  return document.fail(`${path}/format`, `format ${JSON.stringify(format)} is not supported, only ${[...FORMATS.keys()].join(', ')}`);
}
