/** What of JSON Schema is understood, keyword by keyword, and what is refused by name. */
import { describe, expect, it } from 'vitest';
import { LIMITS, accepts, automatonOf } from './support.js';

const valid = (schema: unknown, value: unknown): boolean => accepts(automatonOf({ kind: 'json_schema', schema }), JSON.stringify(value));

describe('combinations', () => {
  const named = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
  const aged = { type: 'object', properties: { age: { type: 'integer', minimum: 0 } }, required: ['age'] };

  it.each<[string, unknown, unknown, boolean]>([
    ['allOf puts members together', { allOf: [named, aged] }, { name: 'a', age: 1 }, true],
    ['allOf wants all of them', { allOf: [named, aged] }, { name: 'a' }, false],
    [
      'allOf keeps the narrower bound',
      {
        allOf: [
          { type: 'integer', minimum: 3 },
          { minimum: 5, maximum: 9 },
        ],
      },
      4,
      false,
    ],
    ['allOf keeps common types', { allOf: [{ type: ['string', 'number'] }, { type: ['integer', 'null'] }] }, 7, true],
    ['allOf keeps common values', { allOf: [{ enum: [1, 2, 3] }, { const: 2 }] }, 2, true],
    [
      'allOf applies additionalProperties to members of the other side',
      { allOf: [{ ...named, additionalProperties: { type: 'integer' } }, { properties: { n: { maximum: 5 } } }] },
      { name: 'a', n: 4 },
      true,
    ],
    [
      'allOf applies additionalProperties to members of the other side',
      { allOf: [{ ...named, additionalProperties: { type: 'integer' } }, { properties: { n: { maximum: 5 } } }] },
      { name: 'a', n: 6 },
      false,
    ],
    ['$ref with others beside it', { $ref: '#/$defs/n', maximum: 3, $defs: { n: { type: 'integer', minimum: 1 } } }, 3, true],
    ['$ref with others beside it', { $ref: '#/$defs/n', maximum: 3, $defs: { n: { type: 'integer', minimum: 1 } } }, 4, false],
    [
      'anyOf with others beside it',
      {
        type: 'object',
        properties: { k: { type: 'string' } },
        anyOf: [{ required: ['k'] }, { properties: { l: { const: 1 } }, required: ['l'] }],
      },
      { l: 1 },
      true,
    ],
    [
      'anyOf with others beside it',
      {
        type: 'object',
        properties: { k: { type: 'string' } },
        anyOf: [{ required: ['k'] }, { properties: { l: { const: 1 } }, required: ['l'] }],
      },
      {},
      false,
    ],
    [
      'oneOf told apart by a member',
      {
        oneOf: [
          { type: 'object', properties: { t: { const: 'a' } }, required: ['t'] },
          { type: 'object', properties: { t: { const: 'b' } }, required: ['t'] },
        ],
      },
      { t: 'b' },
      true,
    ],
    ['oneOf told apart by type', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, 5, true],
    ['nullable', { type: 'integer', nullable: true }, null, true],
    ['a pointer with escapes', { $ref: '#/$defs/a~1b', $defs: { 'a/b': { const: 1 } } }, 1, true],
    ['true is any value', true, { a: [1, 'x', null, { b: false }] }, true],
    ['no type is said by the keywords', { minLength: 2 }, 'a', false],
    ['members that are not named are closed', { type: 'object', properties: { a: {} } }, { b: 1 }, false],
    ['an object without properties is open', { type: 'object' }, { b: 1 }, true],
    [
      'names that are texts',
      { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'integer' } },
      { b: 1 },
      true,
    ],
    ['required without properties', { type: 'object', required: ['z'] }, { z: 1, y: 2 }, true],
    ['required without properties', { type: 'object', required: ['z'] }, { y: 2 }, false],
    [
      'elements by place and more',
      { type: 'array', prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 2, maxItems: 3 },
      [1, 2, 2],
      true,
    ],
    [
      'elements by place and more',
      { type: 'array', prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 2, maxItems: 3 },
      [1],
      false,
    ],
    ['elements by place are closed', { type: 'array', prefixItems: [{ const: 1 }] }, [1, 2], false],
    ['maxItems below the places', { type: 'array', prefixItems: [{ const: 1 }, { const: 2 }], maxItems: 1 }, [1], true],
  ])('%s: %j on %j -> %s', (_, schema, value, expected) => {
    expect(valid(schema, value)).toBe(expected);
  });
});

describe('formats', () => {
  it.each<[string, string, boolean]>([
    ['date', '2024-02-29', true],
    ['date', '2023-02-29', false],
    ['date', '1900-02-29', false],
    ['date', '2000-02-29', true],
    ['date', '2023-04-31', false],
    ['time', '23:59:59.5Z', true],
    ['time', '24:00:00Z', false],
    ['date-time', '2024-12-31T00:00:00+01:30', true],
    ['date-time', '2024-12-31', false],
    ['uuid', '123e4567-e89b-12d3-a456-426614174000', true],
    ['uuid', '123e4567', false],
    ['email', 'ada.l@example.org', true],
    ['email', 'ada@', false],
    ['ipv4', '255.0.10.1', true],
    ['ipv4', '256.0.0.1', false],
    ['hostname', 'a-b.example', true],
    ['hostname', '-a', false],
  ])('%s %s -> %s', (format, text, expected) => {
    expect(valid({ type: 'string', format }, text)).toBe(expected);
  });
});

describe('numbers between bounds', () => {
  it.each<[Record<string, number>, string, boolean]>([
    [{ minimum: 0.5, maximum: 1.25 }, '0.5', true],
    [{ minimum: 0.5, maximum: 1.25 }, '0.499999', false],
    [{ minimum: 0.5, maximum: 1.25 }, '1.25', true],
    [{ minimum: 0.5, maximum: 1.25 }, '1.2500', true],
    [{ minimum: 0.5, maximum: 1.25 }, '1.250001', false],
    [{ exclusiveMinimum: 0 }, '0', false],
    [{ exclusiveMinimum: 0 }, '0.0', false],
    [{ exclusiveMinimum: 0 }, '0.01', true],
    [{ exclusiveMaximum: 0 }, '-0.01', true],
    [{ exclusiveMaximum: 0 }, '-0', false],
    [{ minimum: -2.5, maximum: -1 }, '-1', true],
    [{ minimum: -2.5, maximum: -1 }, '-0.9', false],
    [{ minimum: -2.5, maximum: -1 }, '-2.6', false],
  ])('%j on %s -> %s', (bounds, text, expected) => {
    expect(accepts(automatonOf({ kind: 'json_schema', schema: { type: 'number', ...bounds } }), text)).toBe(expected);
  });
});

it('no additional member has the name of one that is there, however it is spelled', () => {
  const automaton = automatonOf({
    kind: 'json_schema',
    schema: { type: 'object', properties: { name: { type: 'integer' } }, additionalProperties: { type: 'string' } },
  });
  expect(accepts(automaton, '{"name":"x"}')).toBe(false);
  expect(accepts(automaton, '{"n\\u0061me":"x"}')).toBe(false);
  expect(accepts(automaton, '{"names":"x"}')).toBe(true);
});

it('white space is where the layout says, and bounded', () => {
  const schema = { type: 'object', properties: { a: { type: 'array', items: { const: 1 } } }, required: ['a'] };
  const bounded = automatonOf({ kind: 'json_schema', schema }, { ...LIMITS, json: { whitespace: 'bounded', maxIndent: 4 } });
  const compact = automatonOf({ kind: 'json_schema', schema });
  expect([accepts(bounded, '{ "a": [1, 1] }'), accepts(bounded, '{\n    "a": [\n1]\n}'), accepts(bounded, '{"a":[]}')]).toEqual([
    true,
    true,
    true,
  ]);
  expect([accepts(bounded, '{  "a": []}'), accepts(bounded, '{\n     "a": []}'), accepts(bounded, '{"a" :[]}')]).toEqual([
    false,
    false,
    false,
  ]);
  expect([accepts(compact, '{"a":[1,1]}'), accepts(compact, '{"a": [1]}')]).toEqual([true, false]);
});

it.each<[unknown, string]>([
  [{ not: {} }, '#/not: keyword "not" is not supported'],
  [{ type: 'object', patternProperties: {} }, '#/patternProperties: keyword "patternProperties" is not supported'],
  [{ properties: { 'a/b': { if: {} } } }, '#/properties/a~1b/if: keyword "if" is not supported'],
  [{ type: 'array', items: { type: 'object', dependentRequired: {} } }, '#/items/dependentRequired: keyword'],
  [{ type: 'array', uniqueItems: true }, '#/uniqueItems: keyword "uniqueItems" is not supported'],
  [{ type: 'array', contains: {} }, '#/contains: keyword'],
  [{ type: 'integer', multipleOf: 3 }, '#/multipleOf: keyword "multipleOf" is not supported'],
  [{ type: 'object', propertyNames: { maxLength: 3 } }, 'keyword "propertyNames" is not supported beyond'],
  [{ type: 'object', minProperties: 1 }, 'keyword "minProperties" is not supported beyond'],
  [{ type: 'string', format: 'iri' }, '#/format: format "iri" is not supported, only date,'],
  [{ type: 'string', pattern: '(?=a)' }, '#/pattern: the expression "(?=a)" has a look-around'],
  [{ $ref: 'https://example.org/x' }, 'only pointers within the schema are'],
  [{ $ref: '#/$defs/x' }, '$ref "#/$defs/x" leads nowhere'],
  [{ $dynamicRef: '#x' }, 'keyword "$dynamicRef" is not supported'],
  [{ type: 'text' }, '#/type: wanted one of null, boolean'],
  [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'branches 0 and 1 are not told apart'],
  [{ oneOf: [{ type: 'object' }, { type: 'object' }] }, 'branches 0 and 1 are not told apart'],
  [{ allOf: [{ pattern: 'a' }, { pattern: 'b' }] }, 'two different pattern that must both hold'],
  [{ enum: ['a'], minLength: 1 }, 'minLength beside enum or const'],
  [{ enum: [1], type: 'string' }, 'no value of enum is left'],
  [{ type: 'integer', minimum: 4, maximum: 3 }, 'no integer is within its bounds'],
  [{ type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 4 }, 'no integer is within its bounds'],
  [{ type: 'number', minimum: 0.1234567 }, 'more than 15 digits in all'],
  [{ type: 'string', minLength: 3, maxLength: 2 }, 'holds nothing'],
  [{ type: 'string', maxLength: -1 }, '#/maxLength: wanted a count, got -1'],
  [{ type: 'object', properties: { a: false }, required: ['a'] }, 'member "a" is required'],
  [{ type: 'array', items: false, minItems: 1 }, 'minItems 1 is more than the 0'],
  [false, 'nothing is valid against false'],
  [{ $ref: '#' }, 'no text can satisfy it'],
  [{ allOf: [{ $ref: '#' }] }, 'lead back to themselves'],
  [{ properties: 5 }, '#/properties: should be an object of schemas'],
  [{ anyOf: {} }, '#/anyOf: should be a list'],
  [{ items: 5 }, '#/items: should be a schema, is 5'],
  [{ type: 'string', maxLength: 100_000 }, 'more than 20000 states'],
  [{ type: 'string', pattern: '^(a|b)*a(a|b){20}$' }, 'more than 20000 states'],
])('%j is refused: %s', (schema, reason) => {
  expect(() => automatonOf({ kind: 'json_schema', schema })).toThrow(reason);
});

it('a short schema that comes to a lot is refused', () => {
  const twice = (next: string) => ({
    anyOf: [
      { $ref: next, minimum: 1 },
      { $ref: next, maximum: 5 },
    ],
  });
  const $defs = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [`d${i}`, i === 29 ? { type: 'integer' } : twice(`#/$defs/d${i + 1}`)]),
  );
  expect(() => automatonOf({ kind: 'json_schema', schema: { $ref: '#/$defs/d0', $defs } })).toThrow('comes to more than 20000 parts');
  const branches = Array.from({ length: 300 }, (_, i) => ({ const: i }));
  expect(() => automatonOf({ kind: 'json_schema', schema: { oneOf: branches } })).toThrow('comes to more than 20000 parts');
});
