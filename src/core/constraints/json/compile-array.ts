/** Elements by place, then as many of `items` as the bounds allow. */
import { type GrammarNode, choice } from '../grammar/node.js';
import { anyValue, enclosed } from './any-value.js';
import { assertOrder, countOf } from './bounds.js';
import type { SchemaCompiler } from './compile-schema.js';
import type { SchemaObject } from './schema-types.js';

export function compileArray(schema: SchemaObject, path: string, compiler: SchemaCompiler): GrammarNode {
  const { document, layout } = compiler;
  if (schema['uniqueItems'] === true) document.fail(`${path}/uniqueItems`, 'keyword "uniqueItems" is not supported');
  const prefix = schema['prefixItems'] ?? [];
  if (!Array.isArray(prefix)) return document.fail(`${path}/prefixItems`, 'should be a list of schemas');
  const min = countOf(schema, 'minItems', 0, path, compiler);
  const max = countOf(schema, 'maxItems', null, path, compiler);
  assertOrder(min, max, 'minItems and maxItems', path, compiler);
  const element = elementOf(schema, path, compiler);
  const placed = prefix
    .slice(0, max ?? prefix.length)
    .map((value, i) => ({ node: compiler.compile(value, `${path}/prefixItems/${i}`), optional: false }));
  if (element === null && min > placed.length)
    document.fail(path, `minItems ${min} is more than the ${placed.length} elements there may be`);
  const list = (items: typeof placed, rest: Parameters<typeof enclosed>[1]['rest']): GrammarNode =>
    enclosed('[', { items, rest }, ']', layout);
  const shorter = placed.flatMap((_, length) => (length >= min ? [list(placed.slice(0, length), null)] : []));
  const more = max === null ? null : max - placed.length;
  const rest = element === null || more === 0 ? null : { node: element, min: Math.max(0, min - placed.length), max: more };
  return choice(...shorter, list(placed, rest));
}

/** Null: there are no elements but those by place. */
function elementOf(schema: SchemaObject, path: string, compiler: SchemaCompiler): GrammarNode | null {
  const { rules, layout } = compiler;
  const items = schema['items'];
  if (items === false || (items === undefined && schema['prefixItems'] !== undefined)) return null;
  if (items === undefined || items === true) return anyValue(rules, layout);
  // Of its own, so that many elements are many edges and not many copies.
  return rules.add(`${path}/items`, () => compiler.compile(items, `${path}/items`));
}
