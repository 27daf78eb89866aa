import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { draws, randomText } from './random-walk.js';
import { schemaCase } from './schemas.js';
import { LIMITS, accepts, automatonOf, vocabularyOf } from './support.js';

const BYTES = vocabularyOf([]);
const ajv = new Ajv2020({ strict: false, allErrors: true });
const bounded = { ...LIMITS, json: { whitespace: 'bounded', maxIndent: 8 } } as const;

it('every value that is valid is accepted as JSON.stringify writes it, compact and indented', () => {
  fc.assert(
    fc.property(
      schemaCase.chain(({ schema, value }) => value.map((of) => ({ schema, value: of }))),
      ({ schema, value }) => {
        expect(ajv.validate(schema, value)).toBe(true);
        expect(accepts(automatonOf({ kind: 'json_schema', schema }), JSON.stringify(value))).toBe(true);
        const automaton = automatonOf({ kind: 'json_schema', schema }, bounded);
        expect(accepts(automaton, JSON.stringify(value))).toBe(true);
        expect(accepts(automaton, JSON.stringify(value, null, 1))).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

it('every text of an automaton is JSON that is valid against the schema', () => {
  let ended = 0;
  fc.assert(
    fc.property(schemaCase, fc.nat(), fc.constantFrom(LIMITS, bounded), ({ schema }, seed, limits) => {
      const text = randomText(automatonOf({ kind: 'json_schema', schema }, limits), BYTES, draws(seed));
      if (text === null) return;
      ended += 1;
      expect(ajv.validate(schema, JSON.parse(text)), `${text} against ${JSON.stringify(schema)}`).toBe(true);
    }),
    { numRuns: 200 },
  );
  expect(ended).toBeGreaterThan(100);
});
