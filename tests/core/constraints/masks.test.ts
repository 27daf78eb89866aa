import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { OutputConstraint } from '../../../src/core/domain/output-constraint.js';
import { draws } from './random-walk.js';
import { schemaCase } from './schemas.js';
import { type Vocabulary, accepts, automatonOf, byteMatcher, idsOf, tokenMatcher, vocabularyOf } from './support.js';

/** Tokens that end in the middle of characters, that go over the end of strings, objects and more, and that mean nothing. */
const fragment = fc.constantFrom(
  ...[
    '{"',
    '"}',
    '":',
    '":{"',
    '},{"',
    '"]}',
    ']]',
    '}}}',
    ',"',
    '", "',
    'a":1',
    '\\u00',
    'null',
    'true,',
    '[[',
    '1',
    '-12',
    '.5e',
    '  ',
    '\n',
    'name":',
    '"x',
  ],
  ...['é', 'aé"', '😀'],
);
const vocabulary = fc
  .array(
    fc.oneof(
      fragment,
      fc.tuple(fragment, fragment).map(([a, b]) => a + b),
      fc.uint8Array({ minLength: 1, maxLength: 5 }),
      fc.constant(null),
    ),
    { maxLength: 40 },
  )
  .map(vocabularyOf);

const constraint: fc.Arbitrary<OutputConstraint> = fc.oneof(
  schemaCase.map(({ schema }): OutputConstraint => ({ kind: 'json_schema', schema })),
  fc.constant<OutputConstraint>({ kind: 'json_object' }),
  fc
    .constantFrom('[a-c]{2,4}(é|\\d+)?', '(null|true|\\[\\[)*', '[^"]{0,90}"')
    .map((pattern): OutputConstraint => ({ kind: 'regex', pattern })),
  fc
    .constantFrom(
      'root ::= "[" (root ("," root)*)? "]" | "1" | "null"',
      'root ::= a b | b "}"\na ::= "{" b? "}"*\nb ::= "\\"" [^"]* "\\""',
      'root ::= "a" root root | "1"',
    )
    .map((source): OutputConstraint => ({ kind: 'grammar', source })),
);

/** Token by token and byte by byte, without any of the masks' bookkeeping. */
function bruteForce(automaton: ReturnType<typeof automatonOf>, vocabulary: Vocabulary, before: readonly Uint8Array[]): number[] {
  const replayed = (): ReturnType<typeof byteMatcher> => {
    const matcher = byteMatcher(automaton);
    before.forEach((one) => matcher.acceptBytes(one));
    return matcher;
  };
  let matcher = replayed();
  return vocabulary.flatMap((bytes, id) => {
    if (bytes === null || bytes.length === 0 || !matcher.acceptBytes(bytes)) return [];
    matcher = replayed();
    return [id];
  });
}

it('masks are what trying every token byte by byte gives, at every step of random walks', () => {
  fc.assert(
    fc.property(constraint, vocabulary, fc.nat(), (of, tokens, seed) => {
      const automaton = automatonOf(of, undefined, 12);
      const { matcher } = tokenMatcher(automaton, tokens);
      const draw = draws(seed);
      const before: Uint8Array[] = [];
      for (let step = 0; step < 6; step++) {
        const ids = idsOf(matcher.mask([]));
        expect(ids).toEqual(bruteForce(automaton, tokens, before));
        if (ids.length === 0) return;
        const long = ids.filter((id) => id >= 256);
        const among = long.length > 0 && draw() < 0.7 ? long : ids;
        const id = among[Math.floor(draw() * among.length)]!;
        matcher.accept(id);
        before.push(tokens[id]!);
      }
    }),
    { numRuns: 60 },
  );
});

it('a text is accepted whatever tokens it is split into', () => {
  const automaton = automatonOf({
    kind: 'json_schema',
    schema: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'array', items: { type: 'integer' } } } },
  });
  const text = Buffer.from('{"a":"né😀\\"\\u00e9","b":[1,-20]}');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 12 }), (cuts) => {
      const borders = [0, ...new Set(cuts), text.length].sort((a, b) => a - b);
      const matcher = byteMatcher(automaton);
      for (let i = 0; i + 1 < borders.length; i++) expect(matcher.acceptBytes(text.subarray(borders[i], borders[i + 1]))).toBe(true);
      expect(matcher.isComplete).toBe(true);
    }),
  );
});

it('ends of a turn are allowed where the answer may end, and only there', () => {
  const tokens = vocabularyOf(['{}', null]);
  const end = tokens.length - 1;
  const { matcher } = tokenMatcher(automatonOf({ kind: 'json_object' }), tokens);
  expect(idsOf(matcher.mask([end]))).not.toContain(end);
  matcher.accept(256);
  expect(idsOf(matcher.mask([end]))).toEqual([end]);
  expect(matcher.isComplete).toBe(true);
  expect(matcher.mask([])).toBeNull();
});

it('a control token is never allowed, and refused when it comes', () => {
  const tokens = vocabularyOf(['{}', null]);
  const { matcher } = tokenMatcher(automatonOf({ kind: 'regex', pattern: '[^]*' }), tokens);
  expect(idsOf(matcher.mask([]))).not.toContain(tokens.length - 1);
  expect(() => matcher.accept(tokens.length - 1)).toThrow('does not continue');
});

it('bytes that do not continue an answer leave it as it was', () => {
  const matcher = byteMatcher(automatonOf({ kind: 'regex', pattern: 'abc' }));
  expect(matcher.acceptBytes(Buffer.from('ab'))).toBe(true);
  expect(matcher.acceptBytes(Buffer.from('cx'))).toBe(false);
  expect(matcher.acceptBytes(Buffer.from('c'))).toBe(true);
  expect(matcher.isComplete).toBe(true);
});

it('a long bounded string has one mask until its end is near', () => {
  const automaton = automatonOf({ kind: 'json_schema', schema: { type: 'string', maxLength: 3_000 } }, undefined, 16);
  expect(automaton.size).toBeGreaterThan(3_000);
  expect(new Set(automaton.tokenClass).size).toBeLessThan(100);
  expect(accepts(automaton, JSON.stringify('é'.repeat(3_000)))).toBe(true);
  expect(accepts(automaton, JSON.stringify('é'.repeat(3_001)))).toBe(false);
});

it('a grammar whose readings multiply is refused in time', () => {
  const automaton = automatonOf({ kind: 'grammar', source: 'root ::= "a" (root | t) "b" | "c"\nt ::= "a" (root | t) "b" | "c"' });
  const matcher = byteMatcher(automaton);
  expect(() => matcher.acceptBytes(Buffer.from(`${'a'.repeat(40)}c`))).toThrow(/can be read in more than 1000 ways/);
});
