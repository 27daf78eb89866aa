import type { OutputConstraint } from '#src/core/domain/output-constraint.js';

export interface ConstrainedCase {
  readonly name: string;
  readonly prompt: string;
  readonly constraint: OutputConstraint;
  /** Of a constraint to a schema. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

const ofSchema = (name: string, prompt: string, schema: Readonly<Record<string, unknown>>): ConstrainedCase => ({
  name,
  prompt,
  schema,
  constraint: { kind: 'json_schema', schema },
});

/** Different in shape, and such that a small model comes to an end. */
export const CASES: readonly ConstrainedCase[] = [
  ofSchema('person', 'Describe Ada Lovelace as JSON.', {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 30 },
      born: { type: 'integer', minimum: 1000, maximum: 2100 },
      fields: { type: 'array', items: { type: 'string', maxLength: 16 }, minItems: 1, maxItems: 3 },
      alive: { type: 'boolean' },
    },
    required: ['name', 'born', 'fields', 'alive'],
    additionalProperties: false,
  }),
  ofSchema('film', 'Rate this film.', {
    type: 'object',
    properties: {
      stars: { type: 'number', minimum: 0, exclusiveMaximum: 5.5 },
      verdict: { enum: ['good', 'bad', null] },
      seen: { type: 'string', format: 'date' },
    },
    required: ['stars', 'verdict', 'seen'],
  }),
  ofSchema('tree', 'Give me a small tree.', {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: { value: { type: 'integer', minimum: 0, maximum: 99 }, next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } },
        required: ['value', 'next'],
      },
    },
  }),
  ofSchema('oneOf', 'A point, or an error.', {
    oneOf: [
      {
        type: 'object',
        properties: {
          kind: { const: 'point' },
          at: {
            type: 'array',
            prefixItems: [
              { type: 'integer', minimum: -9, maximum: 9 },
              { type: 'integer', minimum: -9, maximum: 9 },
            ],
            minItems: 2,
            items: false,
          },
        },
        required: ['kind', 'at'],
      },
      {
        type: 'object',
        properties: { kind: { const: 'error' }, code: { type: 'string', pattern: '^E[0-9]{3}$' } },
        required: ['kind', 'code'],
      },
    ],
  }),
  { name: 'time, regex', prompt: 'What time is it?', constraint: { kind: 'regex', pattern: '([01][0-9]|2[0-3]):[0-5][0-9]( (am|pm))?' } },
  { name: 'json_object', prompt: 'Answer in JSON: who are you? One short field only.', constraint: { kind: 'json_object' } },
];
