/** Random schemas of the supported subset, and for each one values that are valid against it, in the order of their properties. */
import fc from 'fast-check';

export interface SchemaCase {
  readonly schema: Record<string, unknown> | boolean;
  readonly value: fc.Arbitrary<unknown>;
}

const name = fc.constantFrom('a', 'b', 'name', 'é', 'a"b', 'x y', '__proto__x');
const text = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((value) => !/\p{Surrogate}/u.test(value));
const lengthOf = (value: string): number => [...value].length;

const constant = fc.oneof(fc.integer({ min: -9, max: 9 }), text, fc.boolean(), fc.constant(null));

const leaf: fc.Arbitrary<SchemaCase> = fc.oneof(
  fc.constant<SchemaCase>({ schema: { type: 'null' }, value: fc.constant(null) }),
  fc.constant<SchemaCase>({ schema: { type: 'boolean' }, value: fc.boolean() }),
  fc.constant<SchemaCase>({ schema: { type: 'string' }, value: text }),
  fc.constant<SchemaCase>({
    schema: { type: 'number' },
    value: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 }).map((n) => n + 0),
  }),
  fc.constant<SchemaCase>({ schema: { type: 'integer' }, value: fc.maxSafeInteger() }),
  fc.tuple(fc.integer({ min: -3000, max: 3000 }), fc.nat({ max: 5000 })).map(([low, more]): SchemaCase => ({
    schema: { type: 'integer', minimum: low, maximum: low + more },
    value: fc.integer({ min: low, max: low + more }),
  })),
  fc.tuple(fc.integer({ min: -300, max: 300 }), fc.nat({ max: 500 })).map(([low, more]): SchemaCase => ({
    schema: { type: 'number', exclusiveMinimum: low / 8, maximum: (low + more + 1) / 8 },
    value: fc.integer({ min: low * 125 + 1, max: (low + more + 1) * 125 }).map((n) => n / 1000),
  })),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })).map(([min, more]): SchemaCase => ({
    schema: { type: 'string', minLength: min, maxLength: min + more },
    value: text
      .map((value) => [...value].slice(0, min + more).join(''))
      .map((value) => value + 'x'.repeat(Math.max(0, min - lengthOf(value)))),
  })),
  fc.constant<SchemaCase>({ schema: { type: 'string', pattern: '^[a-f]{1,3}(-\\d+)?$' }, value: fc.stringMatching(/^[a-f]{1,3}(-\d+)?$/) }),
  fc.constant<SchemaCase>({
    schema: { type: 'string', pattern: 'é|\\n', maxLength: 4 },
    value: fc.constantFrom('é', 'aé"', '\n', '\\\n1'),
  }),
  fc
    .array(constant, { minLength: 1, maxLength: 4 })
    .map((values): SchemaCase => ({ schema: { enum: values }, value: fc.constantFrom(...values) })),
  constant.map((only): SchemaCase => ({ schema: { const: only }, value: fc.constant(only) })),
  fc.constant<SchemaCase>({ schema: { type: ['integer', 'null', 'string'] }, value: fc.oneof(fc.integer(), fc.constant(null), text) }),
);

const { schemaCase } = fc.letrec<{ schemaCase: SchemaCase }>((tie) => ({
  schemaCase: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'schema' },
    leaf,
    object(tie('schemaCase')),
    list(tie('schemaCase')),
    tuple(tie('schemaCase')),
    anyOf(tie('schemaCase')),
  ),
}));

function object(inner: fc.Arbitrary<SchemaCase>): fc.Arbitrary<SchemaCase> {
  const members = fc.uniqueArray(fc.tuple(name, inner, fc.boolean()), { selector: ([key]) => key, maxLength: 4 });
  return fc.tuple(members, fc.option(inner)).map(([all, additional]): SchemaCase => {
    const required = all.filter(([, , isRequired]) => isRequired).map(([key]) => key);
    const values = all.map(([key, { value }, isRequired]) =>
      (isRequired ? value : fc.option(value, { nil: undefined })).map((v) => [key, v] as const),
    );
    const extra =
      additional === null
        ? fc.constant([])
        : fc.array(fc.tuple(fc.constantFrom('zz', 'na', 'names', '0é'), additional.value), { maxLength: 2 });
    return {
      schema: {
        type: 'object',
        properties: Object.fromEntries(all.map(([key, { schema }]) => [key, schema])),
        required,
        additionalProperties: additional === null ? false : additional.schema,
      },
      value: fc
        .tuple(fc.tuple(...values), extra)
        .map(([own, more]) => Object.fromEntries([...own.filter(([, value]) => value !== undefined), ...more])),
    };
  });
}

function list(inner: fc.Arbitrary<SchemaCase>): fc.Arbitrary<SchemaCase> {
  return fc.tuple(inner, fc.nat({ max: 2 }), fc.option(fc.nat({ max: 3 }))).map(([{ schema, value }, min, more]): SchemaCase => ({
    schema: { type: 'array', items: schema, minItems: min, ...(more === null ? {} : { maxItems: min + more }) },
    value: fc.array(value, { minLength: min, maxLength: min + (more ?? 3) }),
  }));
}

function tuple(inner: fc.Arbitrary<SchemaCase>): fc.Arbitrary<SchemaCase> {
  return fc.tuple(fc.array(inner, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([items, isWhole]): SchemaCase => ({
    schema: { type: 'array', prefixItems: items.map(({ schema }) => schema), items: false, ...(isWhole ? { minItems: items.length } : {}) },
    value: fc
      .tuple(...items.map(({ value }) => value))
      .chain((all) => fc.nat({ max: isWhole ? 0 : all.length }).map((less) => all.slice(0, all.length - less))),
  }));
}

function anyOf(inner: fc.Arbitrary<SchemaCase>): fc.Arbitrary<SchemaCase> {
  return fc.array(inner, { minLength: 1, maxLength: 3 }).map((cases): SchemaCase => ({
    schema: { anyOf: cases.map(({ schema }) => schema) },
    value: fc.oneof(...cases.map(({ value }) => value)),
  }));
}

export { schemaCase };
