/** A value that a JSON Schema of the daemon's document takes, mostly: what its author thought of, in any combination. */
import type { JsonSchema } from '../../../src/server/openapi/document.js';
import type { Seeded } from '../../faults/seeded.js';

const MOST_DEPTH = 6;

export function fromSchema(schema: JsonSchema, random: Seeded, depth = 0): unknown {
  const oneOf = (schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']) as readonly JsonSchema[] | undefined;
  if (oneOf !== undefined) return fromSchema(random.pick(oneOf), random, depth + 1);
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return random.pick(schema['enum'] as readonly unknown[]);
  if (depth > MOST_DEPTH) return null;
  const { type } = schema;
  switch (Array.isArray(type) ? random.pick(type as readonly string[]) : type) {
    case 'object':
      return anObject(schema, random, depth);
    case 'array':
      return Array.from({ length: Math.max(Number(schema['minItems'] ?? 0), random.below(3)) }, () =>
        fromSchema((schema['items'] ?? {}) as JsonSchema, random, depth + 1),
      );
    case 'string':
      return aText(schema, random);
    case 'integer':
    case 'number':
      return aNumber(schema, random, type === 'integer');
    case 'boolean':
      return random.below(2) === 0;
    default:
      return null;
  }
}

/** What is required, and of the rest a part. */
function anObject(schema: JsonSchema, random: Seeded, depth: number): unknown {
  const required = new Set((schema['required'] ?? []) as readonly string[]);
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>);
  const optional = Math.max(3, Math.ceil(properties.length / 3));
  return Object.fromEntries(
    properties
      .filter(([name]) => required.has(name) || random.below(optional) === 0)
      .map(([name, of]) => [name, fromSchema(of, random, depth + 1)]),
  );
}

const TEXTS = ['a', 'Hi', 'alpha', 'beta', 'one', 'A longer text, with words in it.'];

function aText({ pattern, minLength, maxLength }: JsonSchema, random: Seeded): string {
  if (typeof pattern === 'string' && pattern.includes('d')) return String(random.below(300));
  const text = random.pick(TEXTS);
  if (typeof maxLength === 'number') return text.slice(0, maxLength);
  return typeof minLength === 'number' ? text.padEnd(minLength, 'x') : text;
}

function aNumber({ minimum, exclusiveMinimum, maximum }: JsonSchema, random: Seeded, isInteger: boolean): number {
  const least = Number(minimum ?? exclusiveMinimum ?? 0);
  const most = Math.min(Number(maximum ?? 50), 50);
  const low = Math.max(least, -2);
  const value = random.pick([low, most, low + (most - low) / 3]);
  return isInteger ? Math.round(value) : value;
}
