/** Which keywords a schema may have. What is not here is refused: to ignore it would break a promise. */
import type { JsonType } from './schema-types.js';

/** By the type of value they speak about. */
export const KEYWORDS_OF: Readonly<Partial<Record<JsonType, readonly string[]>>> = {
  object: ['properties', 'required', 'additionalProperties', 'propertyNames', 'minProperties', 'maxProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};

const GENERAL = ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref', 'nullable'];

/** They say nothing about which values are valid. */
const NOTES = [
  ...['$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'default', 'example', 'examples'],
  ...['deprecated', 'readOnly', 'writeOnly', 'contentEncoding', 'contentMediaType', 'strict'],
];

const KNOWN = new Set([...GENERAL, ...NOTES, ...Object.values(KEYWORDS_OF).flat()]);
const IGNORED = new Set(NOTES);

export function isKnown(keyword: string): boolean {
  return KNOWN.has(keyword) || keyword.startsWith('x-');
}

export function isNote(keyword: string): boolean {
  return IGNORED.has(keyword) || keyword.startsWith('x-');
}
