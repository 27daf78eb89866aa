/** Members in the order of `properties`, then the required ones that it does not name, then additional ones. */
import { type GrammarNode, choice, literal, repeat, sequence } from '../grammar/node.js';
import { anyString, anyValue, enclosed } from './any-value.js';
import { countOf } from './bounds.js';
import type { SchemaCompiler } from './compile-schema.js';
import { PLAIN_STRING_CHAR, colon, inString, quoted } from './json-text.js';
import { escape } from './schema-document.js';
import { type SchemaObject, isSchemaObject, sameValue } from './schema-types.js';

export function compileObject(schema: SchemaObject, path: string, compiler: SchemaCompiler): GrammarNode {
  const { layout, document } = compiler;
  const properties = schema['properties'] ?? {};
  if (!isSchemaObject(properties)) return document.fail(`${path}/properties`, 'should be an object of schemas');
  const required = requiredOf(schema, path, compiler);
  assertNames(schema['propertyNames'], path, compiler);
  const additional = schema['additionalProperties'] ?? schema['properties'] === undefined;
  const member = (name: string, value: GrammarNode): GrammarNode => sequence(literal(JSON.stringify(name)), colon(layout), value);
  const items: { node: GrammarNode; optional: boolean }[] = [];
  const names = [...new Set([...Object.keys(properties), ...required])];
  for (const name of names) {
    const isNamed = Object.hasOwn(properties, name);
    const value = isNamed ? properties[name] : additional;
    const at = isNamed ? `${path}/properties/${escape(name)}` : `${path}/additionalProperties`;
    if (value === false && !required.has(name)) continue;
    if (value === false) document.fail(path, `member ${JSON.stringify(name)} is required, and nothing is valid for it`);
    items.push({ node: member(name, compiler.compile(value, at)), optional: !required.has(name) });
  }
  const rest = additional === false ? null : { node: additionalMember(names, additional, path, compiler), min: 0, max: null };
  assertCounts(schema, path, compiler, { least: required.size, most: rest === null ? items.length : Infinity });
  return enclosed('{', { items, rest }, '}', layout);
}

/** Names as JSON.stringify writes them, so that none is one of `names` in another spelling. */
function additionalMember(names: readonly string[], schema: unknown, path: string, compiler: SchemaCompiler): GrammarNode {
  const { rules, layout } = compiler;
  const value = schema === true ? anyValue(rules, layout) : compiler.compile(schema, `${path}/additionalProperties`);
  const content = repeat(PLAIN_STRING_CHAR, 0, null);
  const name: GrammarNode =
    names.length === 0
      ? anyString(rules)
      : quoted({ kind: 'minus', item: content, without: choice(...names.map((one) => inString(literal(one)))) });
  return sequence(name, colon(layout), value);
}

function requiredOf(schema: SchemaObject, path: string, { document }: SchemaCompiler): ReadonlySet<string> {
  const required = schema['required'] ?? [];
  if (Array.isArray(required) && required.every((name) => typeof name === 'string')) return new Set<string>(required);
  return document.fail(`${path}/required`, 'should be a list of names');
}

/** Only what holds of every name. */
function assertNames(names: unknown, path: string, { document }: SchemaCompiler): void {
  const holds = names === undefined || names === true || sameValue(names, {}) || sameValue(names, { type: 'string' });
  if (!holds) document.fail(`${path}/propertyNames`, 'keyword "propertyNames" is not supported beyond {"type": "string"}');
}

/** Counts of members only where they hold anyway. */
function assertCounts(schema: SchemaObject, path: string, compiler: SchemaCompiler, has: { least: number; most: number }): void {
  const min = countOf(schema, 'minProperties', 0, path, compiler);
  const max = countOf(schema, 'maxProperties', Infinity, path, compiler);
  if (min > has.least) compiler.document.fail(`${path}/minProperties`, 'keyword "minProperties" is not supported beyond what is required');
  if (max < has.most) compiler.document.fail(`${path}/maxProperties`, 'keyword "maxProperties" is not supported below what is possible');
}
