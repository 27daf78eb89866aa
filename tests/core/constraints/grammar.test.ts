import { expect, it } from 'vitest';
import { accepts, automatonOf } from './support.js';

const derives = (source: string, text: string): boolean => accepts(automatonOf({ kind: 'grammar', source }), text);

const EXPRESSIONS = `
# sums and products
root ::= expression ("=" expression)?
expression ::= term ([-+] term)*
term ::= factor ("*" factor)*   # one line
factor ::= [0-9]+
  | "(" expression ")"          # and the next
`;

it.each([
  ['1', true],
  ['(1+23)*(4-5)=6', true],
  ['((((7))))', true],
  ['1+', false],
  ['(1', false],
  ['1=2=3', false],
])('arithmetic: %s -> %s', (text, expected) => {
  expect(derives(EXPRESSIONS, text)).toBe(expected);
});

it.each([
  ['root ::= "a\\n\\x41\\u00e9\\U0001F600\\"" [^a-z\\]] .', 'a\nAé😀"Zq', true],
  ['root ::= "a\\n" [^a-z]', 'a\nb', false],
  ['root ::= item{2,3}\nitem ::= [ab-]', 'a-b', true],
  ['root ::= item{2,3}\nitem ::= [ab-]', 'a', false],
  ['root ::= "a" | ', '', true],
  ['root ::= ("x" | y)+ y_2-b?\ny ::= "y"\ny_2-b ::= "!"', 'xyx!', true],
  ['root ::= "(" root ")" | ""', '((()))', true],
  ['root ::= "(" root ")" | ""', '((())', false],
])('%j on %j -> %s', (source, text, expected) => {
  expect(derives(source, text)).toBe(expected);
});

it.each([
  ['start ::= "a"', 'no rule `root`'],
  ['root ::= missing', 'rule missing is used and nowhere defined'],
  ['root ::= "a"\nroot ::= "b"', 'line 2: rule root is there twice'],
  ['root ::= root "a" | "a"', 'root -> root is left-recursive'],
  ['root ::= a? b\na ::= "a"\nb ::= a* root | "b"', 'root -> b -> root is left-recursive'],
  ['root ::= "a', 'a text is not closed'],
  ['root ::= [a', 'a class is not closed'],
  ['root ::= ("a"', 'a group is not closed'],
  ['root ::= "\\q"', 'the escape \\q is not known'],
  ['root ::= "a" $', 'this is not part of a rule'],
  ['"a"', 'a rule starts with'],
  ['root ::= [z-a]', 'wrong way round'],
  ['root ::= "a" root', 'no text can satisfy it'],
])('%j is refused: %s', (source, reason) => {
  expect(() => derives(source, '')).toThrow(reason);
});
