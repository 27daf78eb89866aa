/** Whether no value can be valid against both of two schemas, as far as it can be told at a glance. */
import type { SchemaDocument } from './schema-document.js';
import { type JsonType, type SchemaObject, hasType, isSchemaObject, sameValue, typeOf } from './schema-types.js';

const MAX_DEPTH = 8;

export function areDisjoint(a: unknown, b: unknown, document: SchemaDocument, path: string, depth = 0): boolean {
  if (a === false || b === false) return true;
  const [first, second] = [follow(a, document, path), follow(b, document, path)];
  if (first === null || second === null || depth > MAX_DEPTH) return false;
  const [types, others] = [typesOf(first), typesOf(second)];
  if (types !== null && others !== null && !types.some((type) => hasType(others, type)) && !others.some((type) => hasType(types, type))) {
    return true;
  }
  const [values, otherValues] = [valuesOf(first), valuesOf(second)];
  if (values !== null && otherValues !== null) return !values.some((value) => otherValues.some((other) => sameValue(value, other)));
  if (!isOnly(types, 'object') || !isOnly(others, 'object')) return false;
  const apart = (one: SchemaObject, other: SchemaObject): boolean =>
    requiredOf(one).some((name) => {
      const [mine, theirs] = [memberOf(one, name), memberOf(other, name)];
      if (theirs === undefined) return other['additionalProperties'] === false;
      return mine !== undefined && areDisjoint(mine, theirs, document, path, depth + 1);
    });
  return apart(first, second) || apart(second, first);
}

function follow(schema: unknown, document: SchemaDocument, path: string): SchemaObject | null {
  let at = schema;
  for (let hops = 0; isSchemaObject(at) && at['$ref'] !== undefined; hops++) {
    if (hops > MAX_DEPTH) return null;
    at = document.resolve(at['$ref'], path).schema;
  }
  return isSchemaObject(at) && at['nullable'] !== true ? at : null;
}

function typesOf(schema: SchemaObject): readonly JsonType[] | null {
  if (schema['type'] !== undefined) return [schema['type']].flat() as JsonType[];
  return valuesOf(schema)?.map(typeOf) ?? null;
}

function valuesOf(schema: SchemaObject): readonly unknown[] | null {
  if (Object.hasOwn(schema, 'const')) return [schema['const']];
  return Array.isArray(schema['enum']) ? schema['enum'] : null;
}

function isOnly(types: readonly JsonType[] | null, type: JsonType): boolean {
  return types !== null && types.every((one) => one === type);
}

function requiredOf(schema: SchemaObject): readonly string[] {
  return Array.isArray(schema['required']) ? (schema['required'] as string[]) : [];
}

function memberOf(schema: SchemaObject, name: string): unknown {
  const properties = schema['properties'];
  return isSchemaObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
}
