import type * as Xgrammar from '@mlc-ai/web-xgrammar';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCatalogue } from '../../../src/adapters/hub/catalogue.js';
import { locateModel } from '../../../src/adapters/hub/locate-model.js';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { GrammarCompiler } from '../../../src/core/constraints/grammar-compiler.js';
import type { Tokenizer } from '../../../src/core/ports.js';
import { loadXgrammar } from './load-xgrammar.js';
import { LIMITS, idsOf } from './support.js';

/** The same grammar in both: each of the vocabulary's 49,152 tokens must be allowed by both or by none, at every step. */
let tokenizer: Tokenizer;
let xgrammar: typeof Xgrammar;
let info: Xgrammar.TokenizerInfo;

beforeAll(async () => {
  ({ tokenizer } = await openTokenizer(locateModel(readCatalogue()[0]!.name).path));
  xgrammar = await loadXgrammar();
  // `raw` takes texts: tokens that are no UTF-8 by themselves are left out here, and compared with brute force in masks.test.ts.
  info = await xgrammar.TokenizerInfo.createTokenizerInfo(
    Array.from({ length: tokenizer.vocabSize }, (_, id) => rawText(id) ?? ''),
    'raw',
    false,
    tokenizer.vocabSize,
    [...tokenizer.stopTokenIds],
  );
});

afterAll(() => info?.dispose());

function rawText(id: number): string | null {
  if (!tokenizer.isText(id)) return null;
  const bytes = Buffer.from(tokenizer.tokenBytes(id));
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : null;
}

async function expectSameMasks(source: string, texts: readonly string[]): Promise<void> {
  const ours = await new GrammarCompiler(tokenizer, tokenizer.vocabSize, LIMITS).compile({ kind: 'grammar', source });
  const compiler = await xgrammar.GrammarCompiler.createGrammarCompiler(info);
  const compiled = await compiler.compileGrammar(source);
  const compared = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => rawText(id) !== null);
  for (const text of texts) {
    const matcher = await xgrammar.GrammarMatcher.createGrammarMatcher(compiled);
    const constraint = ours.start();
    for (const id of tokenizer.encode(text, { addSpecialTokens: false })) {
      const mask = new Set(idsOf(constraint.mask([])));
      const refused = new Set(
        await xgrammar.Testings.debugGetMaskedTokensFromBitmask(await matcher.getNextTokenBitmask(), tokenizer.vocabSize),
      );
      expect(compared.filter((one) => mask.has(one) === refused.has(one)).map(rawText)).toEqual([]);
      expect(matcher.acceptToken(id)).toBe(mask.has(id));
      if (!mask.has(id)) break;
      constraint.accept(id);
    }
    matcher.dispose();
  }
  compiled.dispose();
  compiler.dispose();
}

it('masks are those of xgrammar for a grammar of arithmetic', async () => {
  await expectSameMasks('root ::= expr ("=" expr)?\nexpr ::= term ([-+] term)*\nterm ::= [0-9]+ | "(" expr ")"', [
    '(12+3)-4=567',
    '1+(2',
    '((((1))))',
    '1=2=3',
  ]);
});

it('masks are those of xgrammar for JSON', async () => {
  const json = [
    'root ::= object',
    'object ::= "{" (member ("," member)*)? "}"',
    'member ::= string ":" " "? value',
    'value ::= object | "[" (value ("," " "? value)*)? "]" | string | number | "true" | "false" | "null"',
    'string ::= "\\"" ([^"\\\\\\x00-\\x1f] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\\""',
    'number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)?',
  ].join('\n');
  await expectSameMasks(json, ['{"name": "Ada Lovelace, né\\u00e9","born": 1815,"tags":["a",[true,null],{"b":-0.5}]}', '{"a":}', '{}']);
});

it('schemas accept the same texts as in xgrammar', async () => {
  const schemas = [
    {
      type: 'object',
      properties: { a: { type: 'integer', minimum: -3, maximum: 120 }, b: { type: 'boolean' } },
      required: ['a'],
      additionalProperties: false,
    },
    { type: 'array', items: { enum: ['x', 'y', 3, null] }, minItems: 1, maxItems: 3 },
    {
      anyOf: [
        { type: 'string', maxLength: 2 },
        { type: 'object', properties: { c: { const: 'd' } }, required: ['c'] },
      ],
    },
    { type: 'object', properties: { next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } }, required: ['next'] },
  ];
  const texts = fc.sample(
    fc.oneof(
      fc.record({ a: fc.integer({ min: -10, max: 200 }), b: fc.oneof(fc.boolean(), fc.constant(1)) }, { requiredKeys: [] }),
      fc.array(fc.constantFrom('x', 'y', 'z', 3, 4, null), { maxLength: 4 }),
      fc.string({ maxLength: 4 }),
      fc.constantFrom({ c: 'd' }, { c: 'e' }, { next: null }, { next: { next: null } }, { next: {} }, { next: { next: { next: null } } }),
    ),
    { numRuns: 150, seed: 4 },
  );
  const compiler = new GrammarCompiler(tokenizer, tokenizer.vocabSize, LIMITS);
  for (const schema of schemas) {
    const ours = await compiler.compile({ kind: 'json_schema', schema });
    const grammar = await xgrammar.Grammar.fromJSONSchema(JSON.stringify(schema), false, -1, [',', ':'], true);
    for (const value of texts) {
      const text = JSON.stringify(value);
      const constraint = ours.start();
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      const isAllowed = ids.every((id) => {
        if (((constraint.mask([])?.[id >>> 5] ?? 0) >>> (id & 31)) % 2 === 0) return false;
        constraint.accept(id);
        return true;
      });
      const theirs = await xgrammar.Testings.isGrammarAcceptString(grammar, text);
      expect(isAllowed && constraint.isComplete, `${text} against ${JSON.stringify(schema)}`).toBe(theirs);
    }
    grammar.dispose();
  }
});
