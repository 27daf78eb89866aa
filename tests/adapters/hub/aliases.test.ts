import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { AliasBook } from '../../../src/adapters/hub/alias-book.js';
import { readAliases } from '../../../src/adapters/hub/alias-file.js';
import { removeAlias, setAlias } from '../../../src/adapters/hub/change-alias.js';
import { ModelNames, type ModelNameSources } from '../../../src/adapters/hub/model-names.js';
import { rejection } from '../../rejection.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;
let path: string;
beforeEach(() => {
  number += 1;
  path = join(folder, String(number), 'aliases.json');
});
const installed = ['small', 'large'];

describe('an alias', () => {
  test('is on file for its owner alone, and replaces what the name meant', async () => {
    expect(await setAlias(path, { name: 'fast', model: 'small' }, installed)).toEqual({ name: 'fast', model: 'small', before: null });
    expect(await setAlias(path, { name: 'fast', model: 'large' }, installed)).toEqual({ name: 'fast', model: 'large', before: 'small' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect([...readAliases(path)]).toEqual([['fast', 'large']]);
  });

  test('of an alias is one of the model behind it', async () => {
    await setAlias(path, { name: 'fast', model: 'small' }, installed);
    expect(await setAlias(path, { name: 'faster', model: 'fast' }, installed)).toMatchObject({ name: 'faster', model: 'small' });
  });

  test.each(['', ' x', '../x', '-x', 'a b', 'x'.repeat(129), 'ä'])('cannot be called %j', async (name) => {
    expect(await rejection(setAlias(path, { name, model: 'small' }, installed))).toMatchObject({ code: 'InvalidRequest', param: 'name' });
  });

  test('cannot hide a model, and needs one that is installed', async () => {
    expect(await rejection(setAlias(path, { name: 'large', model: 'small' }, installed))).toMatchObject({ code: 'InvalidRequest' });
    expect(await rejection(setAlias(path, { name: 'x', model: 'smal' }, installed))).toMatchObject({
      code: 'ModelNotFound',
      hint: 'Did you mean small?',
    });
  });

  test('that is not there cannot be removed; one that is can', async () => {
    await setAlias(path, { name: 'fast', model: 'small' }, installed);
    expect(await rejection(removeAlias(path, 'fats'))).toMatchObject({ code: 'ModelNotFound', hint: 'Did you mean fast?' });
    expect(await removeAlias(path, 'fast')).toEqual({ name: 'fast', model: 'small' });
    expect(readAliases(path).size).toBe(0);
  });

  test('is not lost when many are set at once', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => setAlias(path, { name: `a${i}`, model: 'small' }, installed)));
    expect(readAliases(path).size).toBe(8);
  });
});

describe('the file of aliases', () => {
  test.each(['', '[]', '{"version":2,"aliases":{}}', '{"version":1,"aliases":{"x":1}}'])(
    'with %j in it is refused, not overwritten',
    async (text) => {
      await setAlias(path, { name: 'fast', model: 'small' }, installed);
      writeFileSync(path, text);
      expect(() => readAliases(path)).toThrow(expect.objectContaining({ code: 'ConfigInvalid' }));
      expect(await rejection(setAlias(path, { name: 'x', model: 'small' }, installed))).toMatchObject({ code: 'ConfigInvalid' });
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  test('is read again by a daemon when it is another, and reported once when it cannot be read', async () => {
    const reports: unknown[] = [];
    const book = new AliasBook(path, (error) => reports.push(error));
    expect(book.read().size).toBe(0);
    await setAlias(path, { name: 'fast', model: 'small' }, installed);
    expect(book.read().get('fast')).toBe('small');
    writeFileSync(path, 'no');
    expect([book.read().size, book.read().size, reports.length]).toEqual([0, 0, 1]);
  });
});

describe('ModelNames.resolve', () => {
  const aliases = new Map([
    ['fast', 'small'],
    ['gone', 'removed'],
    ['claude-haiku-*', 'small'],
    ['claude-haiku-9*', 'large'],
  ]);
  const names = (changed: Partial<ModelNameSources> = {}) =>
    new ModelNames({
      isInstalled: (id) => installed.includes(id),
      installed: () => installed,
      aliases: () => aliases,
      catalogue: () => ['starter'],
      resident: () => ['from-a-path', 'large'],
      vendors: ['claude-*', 'gpt-*'],
      ...changed,
    });

  test.each([
    ['the id of an installed model', 'small', 'small'],
    ['the id of a resident model that is a path', 'from-a-path', 'from-a-path'],
    ['an alias', 'fast', 'small'],
    ['an alias with a star, before the vendors', 'claude-haiku-4-5', 'small'],
    ['the longer of two aliases with a star', 'claude-haiku-9-1', 'large'],
    ['a vendor name: the first that is resident', 'claude-opus-4', 'from-a-path'],
    ['a vendor name in other letters', 'GPT-5', 'from-a-path'],
  ])('%s', (_name, wanted, id) => expect(names().resolve(wanted)).toBe(id));

  test.each([
    ['a typo', 'smal', /no model "smal" here/, 'Did you mean small?'],
    ['a typo of an alias', 'fasst', /no model "fasst" here/, 'Did you mean fast?'],
    ['nothing like it', 'xyzzy-plugh', /no model/, 'Known: from-a-path, large, small, fast, gone.'],
    ['a model of the catalogue', 'starter', /"starter" is not installed/, 'Run: semantic models pull starter'],
    [
      'an alias of a model that was removed',
      'gone',
      /alias of removed, which is not installed/,
      expect.stringContaining('alias set "gone"'),
    ],
    ['a path', '../small', /no model/, expect.any(String)],
    ['the empty name', '', /no model/, expect.any(String)],
  ])('%s is ModelNotFound', (_name, wanted, message, hint) => {
    expect(() => names().resolve(wanted)).toThrow(
      expect.objectContaining({ code: 'ModelNotFound', status: 404, param: 'model', message: expect.stringMatching(message), hint }),
    );
  });

  test('a vendor name where nothing is resident is ModelNotFound', () => {
    expect(() => names({ resident: () => [] }).resolve('gpt-5')).toThrow(expect.objectContaining({ code: 'ModelNotFound' }));
  });
});
