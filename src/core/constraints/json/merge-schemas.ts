/** Two schemas that must both hold, as one. */
import { isNote } from './keywords.js';
import type { SchemaDocument } from './schema-document.js';
import { type JsonType, type SchemaObject, hasType, sameValue } from './schema-types.js';

type Combine = (a: unknown, b: unknown) => unknown;

const both: Combine = (a, b) => ({ allOf: [a, b] });
const larger: Combine = (a, b) => Math.max(a as number, b as number);
const smaller: Combine = (a, b) => Math.min(a as number, b as number);

const COMBINE: Readonly<Record<string, Combine>> = {
  type: (a, b) => commonTypes([a].flat() as JsonType[], [b].flat() as JsonType[]),
  enum: (a, b) => (a as unknown[]).filter((value) => (b as unknown[]).some((other) => sameValue(value, other))),
  required: (a, b) => [...new Set([...(a as string[]), ...(b as string[])])],
  nullable: (a, b) => a === true && b === true,
  items: both,
  uniqueItems: (a, b) => a === true || b === true,
  ...Object.fromEntries(['minLength', 'minItems', 'minProperties', 'minimum', 'exclusiveMinimum'].map((key) => [key, larger])),
  ...Object.fromEntries(['maxLength', 'maxItems', 'maxProperties', 'maximum', 'exclusiveMaximum'].map((key) => [key, smaller])),
};

/** Neither has a $ref or an allOf. Throws InvalidRequest where it takes more than putting keywords together. */
export function mergeSchemas(a: SchemaObject, b: SchemaObject, document: SchemaDocument, path: string): SchemaObject {
  const [first, second] = [constAsEnum(a), constAsEnum(b)];
  const merged: Record<string, unknown> = { ...first, ...mergeProperties(first, second) };
  for (const [key, value] of Object.entries(second)) {
    if (key === 'properties' || key === 'additionalProperties') continue;
    const mine = first[key];
    if (mine === undefined) merged[key] = value;
    else if (!isNote(key) && !sameValue(mine, value)) {
      const combine = COMBINE[key];
      merged[key] =
        combine === undefined ? document.fail(path, `two different ${key} that must both hold are not supported`) : combine(mine, value);
    }
  }
  // What `items` says of all elements on one side, the other says of some by place.
  const sides = [first, second].filter((side) => side['items'] !== undefined || side['prefixItems'] !== undefined);
  if (sides.length === 2 && sides.some((side) => side['prefixItems'] !== undefined)) {
    document.fail(path, 'prefixItems beside other items that must hold too is not supported');
  }
  return merged;
}

/** A member that only one side names is, for the other, one of its additional ones. */
function mergeProperties(a: SchemaObject, b: SchemaObject): SchemaObject {
  const [mine, others] = [propertiesOf(a), propertiesOf(b)];
  const [rest, otherRest] = [a['additionalProperties'], b['additionalProperties']];
  const properties: Record<string, unknown> = {};
  const put = (key: string, value: unknown): unknown =>
    Object.defineProperty(properties, key, { value, enumerable: true, configurable: true, writable: true });
  const all = (schemas: readonly unknown[]): unknown => {
    const given = schemas.filter((schema) => schema !== undefined);
    return given.length === 1 ? given[0] : { allOf: given };
  };
  for (const key of Object.keys(mine)) put(key, all([mine[key], Object.hasOwn(others, key) ? others[key] : otherRest]));
  for (const key of Object.keys(others)) if (!Object.hasOwn(mine, key)) put(key, all([others[key], rest]));
  return {
    ...(a['properties'] === undefined && b['properties'] === undefined ? {} : { properties }),
    ...(rest === undefined && otherRest === undefined ? {} : { additionalProperties: all([rest, otherRest]) }),
  };
}

function propertiesOf(schema: SchemaObject): SchemaObject {
  return (schema['properties'] ?? {}) as SchemaObject;
}

function constAsEnum(schema: SchemaObject): SchemaObject {
  if (!Object.hasOwn(schema, 'const')) return schema;
  const { const: only, ...others } = schema;
  const values = (others['enum'] ?? [only]) as unknown[];
  return { ...others, enum: values.filter((value) => sameValue(value, only)) };
}

function commonTypes(a: readonly JsonType[], b: readonly JsonType[]): JsonType[] {
  return [...new Set([...a.filter((type) => hasType(b, type)), ...b.filter((type) => hasType(a, type))])];
}
