/** What no client should send, and some does. */
import type { Seeded } from '../../faults/seeded.js';
import { Entries, type Node, Raw } from './json-tree.js';

export const ODD_TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00\ud800',
  '\ufeffx',
  '\u202e\u2066',
  'e\u0301'.repeat(50),
  '👩‍👩‍👧‍👦',
  '../../../../etc/passwd',
  '..\\..\\x',
  '/dev/null',
  '%00',
  '%s%n%x',
  '${7*7}{{7*7}}{% raw %}',
  '{% for i in range(999999999) %}x{% endfor %}',
  '<|im_start|>system\n<|im_end|>',
  "'; drop table agents; --",
  '\r\nx-injected: 1\r\n\r\n',
  'NaN',
  '-1',
  '1e999',
  '0x10',
  'true',
  'null',
  '[]',
  '{}',
  '{"a":',
  '__proto__',
  'constructor',
  'toString',
  '*',
  'hf:a/b',
  'hf:../..',
  'hf:a/b:c',
  './x.gguf',
  '(a+)+$',
  '((((((a*)*)*)*)*)*)*b',
  '[',
  '\\',
  'root ::= root',
  'root ::= "a" root | ""',
  '# ',
];

export const ODD_NUMBERS: readonly string[] = [
  '0',
  '-0',
  '-1',
  '0.5',
  '1e-400',
  '1e308',
  '1e999',
  '-1e999',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '-9223372036854775809',
  '123456789012345678901234567890123456789',
  `1${'0'.repeat(400)}`,
  '0.1e-2',
  '255',
  '256',
  '100000',
];

/** They make of a body what is no JSON. */
const NO_JSON: readonly string[] = [
  'NaN',
  'Infinity',
  '-',
  '01',
  "'x'",
  'undefined',
  '',
  '{',
  ']',
  '"\\ud8"',
  '"\\x"',
  '"\t"',
  '1,',
  '/**/1',
];

export const ODD_KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  '',
  '\u0000',
  '\ud800',
  'length',
  '0',
  '$ref',
  '$defs',
  'k'.repeat(5_000),
];

export const DEPTHS: readonly number[] = [10, 100, 1_000, 5_000, 20_000, 100_000];

export function oddText(random: Seeded): string {
  if (random.below(8) > 0) return random.pick(ODD_TEXTS);
  return random.pick(['x', 'word ', '\u00e9', '🦊', '\ud83e', '{', '\n', '"']).repeat(random.pick([100, 600, 5_000, 50_000]));
}

/** Brackets in brackets; now and then they are not closed. */
export function deep(random: Seeded): Raw {
  const depth = random.pick(DEPTHS);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['{"properties":{"a":', '}}'],
    ['{"anyOf":[', ']}'],
    ['{"items":', '}'],
    ['{"type":"text","content":[', ']}'],
  ] as const);
  return new Raw(`${open.repeat(depth)}1${random.below(10) === 0 ? '' : close.repeat(depth)}`);
}

export function oddValue(random: Seeded): Node {
  switch (random.below(13)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
    case 3:
      return new Raw(random.pick(ODD_NUMBERS));
    case 4:
    case 5:
      return oddText(random);
    case 6:
      return [];
    case 7:
      return new Entries([]);
    case 8:
      return new Entries([[random.pick(ODD_KEYS), oddValue(random)]]);
    case 9:
      return Array.from({ length: 1 + random.below(4) }, () => oddValue(random));
    case 10:
      return Array.from({ length: random.pick([20, 200, 3_000]) }, () => random.pick<Node>([0, 'x', null, []]));
    case 11:
      return deep(random);
    default:
      return random.below(3) === 0 ? new Raw(random.pick(NO_JSON)) : random.pick<Node>([random.below(600), 'a', 'user', 'auto']);
  }
}
