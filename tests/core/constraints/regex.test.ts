import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Automaton } from '../../../src/core/constraints/automaton.js';
import type { OutputConstraint } from '../../../src/core/domain/output-constraint.js';
import { LIMITS, accepts, automatonOf } from './support.js';

const matches = (pattern: string, text: string): boolean => accepts(automatonOf({ kind: 'regex', pattern }), text);

/** Null for those few that explode: that they are refused is another test's. */
function smallAutomaton(constraint: OutputConstraint): Automaton | null {
  try {
    return automatonOf(constraint, { ...LIMITS, maxStates: 1_000 });
  } catch (error) {
    if (/more than 1000 states/.test((error as Error).message)) return null;
    throw error;
  }
}

/** Over few characters, so that texts match now and then. */
const atom = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'é',
    '.',
    '\\d',
    '\\w',
    '\\s',
    '\\S',
    '[ab]',
    '[^a]',
    '[a-c1]',
    '\\n',
    '\\u00e9',
    '\\u{1F600}',
    '\\x61',
    '[\\w-]',
    '\\.',
    '[^\\d\\s]',
  ),
);
const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '{2,}', '*?', '+?');
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc
    .array(
      fc.tuple(
        fc.oneof(
          { maxDepth: 1, depthIdentifier: 'group' },
          atom,
          tie('pattern').map((inner) => `(?:${inner})`),
          tie('pattern').map((inner) => `(${inner}|b)`),
        ),
        quantifier,
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((parts) => parts.map(([item, times]) => item + times).join('')),
}));
const text = fc.array(fc.constantFrom('a', 'b', 'c', '1', 'é', '😀', '\n', ' ', '-', '.'), { maxLength: 6 }).map((chars) => chars.join(''));

it('an expression accepts what the engine of JavaScript matches from start to end', () => {
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
      const automaton = smallAutomaton({ kind: 'regex', pattern: source });
      fc.pre(automaton !== null);
      const expected = new RegExp(`^(?:${source})$`, 'u');
      for (const one of texts) expect(accepts(automaton, one), `${source} on ${JSON.stringify(one)}`).toBe(expected.test(one));
    }),
    { numRuns: 300 },
  );
});

it('a pattern of a schema matches anywhere, unless it holds on to an end', () => {
  fc.assert(
    fc.property(pattern, fc.constantFrom('', '^'), fc.constantFrom('', '$'), text, (source, start, end, one) => {
      const whole = `${start}${source}${end}`;
      const automaton = smallAutomaton({ kind: 'json_schema', schema: { type: 'string', pattern: whole } });
      fc.pre(automaton !== null);
      expect(accepts(automaton, JSON.stringify(one)), `${whole} on ${JSON.stringify(one)}`).toBe(new RegExp(whole, 'u').test(one));
    }),
    { numRuns: 150 },
  );
});

it('anchors at the ends of an expression change nothing', () => {
  expect(matches('^ab$', 'ab')).toBe(true);
  expect(matches('^a$|^b$', 'b')).toBe(true);
});

it.each([
  ['(?=a)b', 'look-around'],
  ['(?<!a)b', 'look-around'],
  ['(a)\\1', '\\1, which is not supported'],
  ['\\bword', '\\b, which is not supported'],
  ['\\p{L}', '\\p, which is not supported'],
  ['a^b', '^ elsewhere'],
  ['(a$)', '$ elsewhere'],
  ['(?i:a)', 'a kind that is not supported'],
  ['(a', 'not closed'],
  ['a)', 'closes nothing'],
  ['[a', 'not closed'],
  ['[b-a]', 'wrong way round'],
  ['a{3,1}', 'wrong way round'],
  ['*a', 'nothing before it'],
  ['a**', 'quantifier after a quantifier'],
  ['\\uD800', 'half a surrogate pair'],
  ['\\u{110000}', 'beyond'],
  ['a{', 'of its own'],
])('the expression %s is refused by name', (source, reason) => {
  expect(() => matches(source, '')).toThrow(reason);
});

it('an expression that would explode is refused with the limit', () => {
  expect(() => matches('(a{1000}){1000}', '')).toThrow(/more than 20000 states/);
  expect(() => matches('(a|b)*a(a|b){30}', '')).toThrow(/more than 20000 states/);
});

it('an expression that nothing matches is refused', () => {
  expect(() => matches('a[]', '')).toThrow('no text can satisfy it');
});
