import { beforeAll, expect, it } from 'vitest';
import { readCatalogue } from '../../../src/adapters/hub/catalogue.js';
import { locateModel } from '../../../src/adapters/hub/locate-model.js';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { GrammarCompiler } from '../../../src/core/constraints/grammar-compiler.js';
import type { Tokenizer } from '../../../src/core/ports.js';
import { LIMITS, idsOf } from './support.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  ({ tokenizer } = await openTokenizer(locateModel(readCatalogue()[0]!.name).path));
});

const compiler = (changed: Partial<typeof LIMITS> = {}): GrammarCompiler =>
  new GrammarCompiler(tokenizer, tokenizer.vocabSize, { ...LIMITS, ...changed });

it('the same constraint is compiled once, and the ones used longest ago are forgotten', async () => {
  const subject = compiler({ maxCompiled: 2 });
  const first = await subject.compile({ kind: 'regex', pattern: 'a' });
  expect(await subject.compile({ kind: 'regex', pattern: 'a' })).toBe(first);
  await subject.compile({ kind: 'regex', pattern: 'b' });
  await subject.compile({ kind: 'regex', pattern: 'c' });
  expect(await subject.compile({ kind: 'regex', pattern: 'a' })).not.toBe(first);
});

it('what takes too long to compile is stopped, and refused with the limit', async () => {
  const slow = compiler({ compileTimeoutMs: 1, maxStates: 1_000_000 }).compile({ kind: 'regex', pattern: '(a|b)*a(a|b){17}' });
  await expect(slow).rejects.toMatchObject({
    code: 'InvalidRequest',
    message: '[constraint.regex] compiling took longer than 1 ms and was stopped',
    param: 'guided_regex',
  });
});

it('others get their turn while a constraint is compiled', async () => {
  const subject = compiler({ maxStates: 1_000_000, compileTimeoutMs: 60_000 });
  let turns = 0;
  let isDone = false;
  const compiled = subject.compile({ kind: 'regex', pattern: '(a|b)*a(a|b){12}' }).finally(() => (isDone = true));
  while (!isDone) {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await compiled;
  expect(turns).toBeGreaterThan(3);
});

it('a source that is too long is refused before it is read', async () => {
  await expect(compiler({ maxSourceBytes: 100 }).compile({ kind: 'grammar', source: `root ::= "${'a'.repeat(100)}"` })).rejects.toThrow(
    '[constraint.grammar] it has more than 100 bytes',
  );
});

it('a constraint that failed is tried again', async () => {
  const subject = compiler();
  await expect(subject.compile({ kind: 'regex', pattern: '(' })).rejects.toThrow('not closed');
  await expect(subject.compile({ kind: 'regex', pattern: '(' })).rejects.toThrow('not closed');
});

it('masks are right when the cache of masks has room for next to none', async () => {
  const [small, large] = await Promise.all(
    [compiler({ maskCacheMb: 1, maxCompiled: 10_000 }), compiler()].map((subject) => subject.compile({ kind: 'json_object' })),
  );
  const text = `{${Array.from({ length: 12 }, (_, i) => `"k${i}": ["v\\n${i}", ${i}.5, {"x": null}]`).join(',')}}`.replaceAll(' ', '');
  const [a, b] = [small!.start(), large!.start()];
  for (const id of tokenizer.encode(text, { addSpecialTokens: false })) {
    expect(a.mask([2])).toEqual(b.mask([2]));
    a.accept(id);
    b.accept(id);
  }
  expect([a.isComplete, b.isComplete]).toEqual([true, true]);
});

it('no control token of the vocabulary is ever allowed', async () => {
  const anything = (await compiler().compile({ kind: 'regex', pattern: '[^]*' })).start();
  const allowed = idsOf(anything.mask([]));
  expect(allowed.length).toBeGreaterThan(40_000);
  expect(allowed.filter((id) => !tokenizer.isText(id))).toEqual([]);
  expect(tokenizer.stopTokenIds.some((id) => allowed.includes(id))).toBe(false);
});
