import type { SchemaCompiler } from './compile-schema.js';
import type { SchemaObject } from './schema-types.js';

/** A count from a schema, or what stands for it where it is not there. */
export function countOf<T>(schema: SchemaObject, keyword: string, otherwise: T, path: string, { document }: SchemaCompiler): number | T {
  const value = schema[keyword];
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  return document.fail(`${path}/${keyword}`, `wanted a count, got ${JSON.stringify(value)}`);
}

export function assertOrder(min: number, max: number | null, keywords: string, path: string, { document }: SchemaCompiler): void {
  if (max !== null && max < min) document.fail(path, `${keywords}: ${min}..${max} holds nothing`);
}
