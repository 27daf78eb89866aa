import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { setAlias } from '../../../src/adapters/hub/change-alias.js';
import { whileThere } from '../../../src/adapters/hub/locate-model.js';
import { findInstalled, type LibraryPlaces, listModels, showModel } from '../../../src/adapters/hub/model-library.js';
import { ModelUse, readUse } from '../../../src/adapters/hub/model-use.js';
import { ORIGIN_FILE, originText } from '../../../src/adapters/hub/origin-file.js';
import { assertNotResident, removeModel } from '../../../src/adapters/hub/remove-model.js';
import { verifyModel } from '../../../src/adapters/hub/verify-model.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { starterModelFile } from '../../support/starter-model.js';

const fixtures = fileURLToPath(new URL('../../fixtures/models', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let number = 0;
let places: LibraryPlaces;
beforeEach(() => {
  number += 1;
  const home = join(root, String(number));
  mkdirSync(join(home, 'models'), { recursive: true });
  places = {
    models: join(home, 'models'),
    aliases: join(home, 'aliases.json'),
    facts: join(home, 'facts.json'),
    use: join(home, 'use.json'),
  };
});

/** A copy of one of the tiny models, under its own name or another. */
const install = (fixture: string, id = fixture): string => {
  const folder = join(places.models, id);
  cpSync(join(fixtures, fixture), folder, { recursive: true, filter: (path) => !path.includes('golden') });
  return folder;
};
const quiet = (): void => undefined;

describe('listModels', () => {
  test('leaves out a model that is removed while they are read', async () => {
    install('llama-4bit-g32', 'stays');
    const folder = install('llama-4bit-g32', 'goes');
    const listing = listModels(places);
    rmSync(folder, { recursive: true });
    expect((await listing).filter(({ installed }) => installed).map(({ id }) => id)).toEqual(['stays']);
  });

  test('says of every model what its headers say, and the catalogue what it could pull', async () => {
    for (const name of ['llama-4bit-g32', 'qwen3-bf16', 'gemma3-gguf', 'gpt-oss-mlx', 'llama-f32', 'mistral-window-f16']) install(name);
    install('../embeddings/bert-f16', 'bert-f16');
    const rows = await listModels(places);
    const shown = rows.map(({ id, installed, architecture, quantization, format, problem }) => [
      id,
      installed,
      format,
      architecture,
      quantization,
      problem,
    ]);
    expect(shown).toEqual([
      ['all-minilm-l6-v2', false, null, null, null, null],
      ['bert-f16', true, 'safetensors', 'bert', 'f16', null],
      ['gemma3-gguf', true, 'gguf', 'gemma3', '4-bit g32', null],
      ['gpt-oss-mlx', true, 'safetensors', 'gpt_oss', 'mxfp4', null],
      ['llama-4bit-g32', true, 'safetensors', 'llama', '4-bit g32', null],
      ['llama-f32', true, 'safetensors', 'llama', 'f32', null],
      ['mistral-window-f16', true, 'safetensors', 'mistral', 'f16', null],
      ['qwen3-bf16', true, 'safetensors', 'qwen3', 'bf16', null],
      ['smollm2-135m-instruct', false, null, null, null, null],
    ]);
    expect(rows.find(({ id }) => id === 'llama-f32')).toMatchObject({ contextLength: 512, use: null, aliases: [] });
  });

  test('reads a header again only when a file of the model is another', async () => {
    const folder = install('llama-f32', 'mine');
    await listModels(places);
    const remembered = JSON.parse(readFileSync(places.facts, 'utf8')) as { models: Record<string, { facts: { architecture: string } }> };
    remembered.models[folder]!.facts.architecture = 'remembered';
    writeFileSync(places.facts, JSON.stringify(remembered));
    const mine = async (): Promise<unknown> => (await listModels(places)).find(({ id }) => id === 'mine');
    expect(await mine()).toMatchObject({ architecture: 'remembered' });
    writeFileSync(join(folder, 'config.json'), readFileSync(join(folder, 'config.json')));
    expect(await mine()).toMatchObject({ architecture: 'llama' });
  });

  test('shows a model that cannot be loaded, with the reason', async () => {
    const cut = install('llama-f32', 'cut');
    truncateSync(join(cut, 'model.safetensors'), 2000);
    const alien = install('llama-f32', 'alien');
    writeFileSync(join(alien, 'config.json'), JSON.stringify({ model_type: 'martian' }));
    const rows = await listModels(places);
    expect(rows.find(({ id }) => id === 'cut')?.problem).toMatch(/the file is cut off|ends in it/);
    expect(rows.find(({ id }) => id === 'alien')).toMatchObject({ architecture: 'martian', problem: expect.stringContaining('not known') });
  });

  test('sees no models in the making, and no links that lead nowhere', async () => {
    install('llama-f32', '.pull-x');
    symlinkSync(join(root, 'nowhere'), join(places.models, 'dangling'));
    expect((await listModels(places)).filter(({ installed }) => installed)).toEqual([]);
  });
});

describe('showModel', () => {
  test('knows a model by its aliases, and where its files came from', async () => {
    const folder = install('llama-f32', 'mine');
    const sha256 = createHash('sha256')
      .update(readFileSync(join(folder, 'config.json')))
      .digest('hex');
    writeFileSync(join(folder, ORIGIN_FILE), originText('hf:owner/mine@abc', [{ path: 'config.json', bytes: 1, sha256 }]));
    await setAlias(places.aliases, { name: 'fast', model: 'mine' }, ['mine']);
    expect(await showModel('fast', places)).toMatchObject({
      id: 'mine',
      aliases: ['fast'],
      source: 'hf:owner/mine@abc',
      files: [
        { path: 'config.json', sha256 },
        { path: 'model.safetensors', sha256: null },
      ],
    });
  });

  test('an unknown name is ModelNotFound with the one that was meant', async () => {
    install('llama-f32', 'mine');
    await expect(showModel('mime', places)).rejects.toMatchObject({ code: 'ModelNotFound', hint: 'Did you mean mine?' });
    expect(() => findInstalled('../mine', places)).toThrow(expect.objectContaining({ code: 'ModelNotFound' }));
  });
});

describe('a model that is removed meanwhile', () => {
  test('is shown as it was found', async () => {
    const showing = showModel('goes', (install('llama-4bit-g32', 'goes'), places));
    rmSync(join(places.models, 'goes'), { recursive: true });
    expect((await showing).files.map(({ path }) => path)).toEqual(['config.json', 'model.safetensors']);
  });

  test('is missing to whoever verifies it', async () => {
    const folder = install('llama-4bit-g32', 'goes');
    const verifying = verifyModel(findInstalled('goes', places), () => rmSync(folder, { recursive: true, force: true }));
    expect((await verifying).files.map(({ state }) => state)).toEqual(['unrecorded', 'missing']);
  });

  test('is not found by whoever loads it; a file that is missing of what is there is told as such', async () => {
    const folder = install('llama-4bit-g32', 'goes');
    const lacking = (): Promise<never> => Promise.reject(new SemanticError('ModelFileMissing', 'wanted model.safetensors'));
    const model = findInstalled('goes', places);
    await expect(whileThere(model, lacking)).rejects.toMatchObject({ code: 'ModelFileMissing' });
    rmSync(folder, { recursive: true });
    await expect(whileThere(model, lacking)).rejects.toMatchObject({ code: 'ModelNotFound', param: 'model' });
    await expect(whileThere(model, () => readdir(folder))).rejects.toMatchObject({ code: 'ModelNotFound' });
    expect(await whileThere(model, () => Promise.resolve(1))).toBe(1);
  });

  test('is not found by whoever else removes it', async () => {
    const model = findInstalled('goes', (install('llama-4bit-g32', 'goes'), places));
    const removals = await Promise.allSettled([removeModel(model, places.models), removeModel(model, places.models)]);
    expect(removals.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(removals.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'ModelNotFound' } });
    expect(readdirSync(places.models)).toEqual([]);
  });
});

describe('ModelUse', () => {
  test('is on file when the daemon ends, beside what others have written', async () => {
    const [one, other] = [new ModelUse(places.use), new ModelUse(places.use)];
    one.loaded('a', 'f'.repeat(64));
    other.used('b');
    await one.close();
    await other.close();
    const use = await readUse(places.use);
    expect(use.get('a')).toEqual({ fingerprint: 'f'.repeat(64), usedAt: expect.closeTo(Date.now() / 1000, -1) });
    expect(use.get('b')?.fingerprint).toBeNull();
  });
});

describe('verifyModel', () => {
  const noted = (folder: string): void => {
    const files = readdirSync(folder).map((path) => {
      const content = readFileSync(join(folder, path));
      return { path, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    });
    writeFileSync(join(folder, ORIGIN_FILE), originText('somewhere', files));
  };
  const statesOf = async (id: string) => {
    const report = await verifyModel(findInstalled(id, places), quiet);
    return [report.ok, ...report.files.map(({ path, state }) => `${path} ${state}`)];
  };

  test('finds a flipped bit, a missing file, and what nobody noted', async () => {
    const folder = install('llama-f32', 'mine');
    expect(await statesOf('mine')).toEqual([true, 'config.json unrecorded', 'model.safetensors unrecorded']);
    noted(folder);
    expect(await statesOf('mine')).toEqual([true, 'config.json whole', 'model.safetensors whole']);
    const weights = join(folder, 'model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
    expect(await statesOf('mine')).toEqual([false, 'config.json whole', 'model.safetensors damaged']);
    rmSync(join(folder, 'config.json'));
    expect(await statesOf('mine')).toEqual([false, 'config.json missing', 'model.safetensors damaged']);
  });

  test('compares a model of the catalogue with the hash there, and says how far it is', async () => {
    const folder = join(places.models, 'smollm2-135m-instruct');
    mkdirSync(folder);
    symlinkSync(starterModelFile(), join(folder, 'SmolLM2-135M-Instruct.Q4_1.gguf'));
    let last: readonly number[] = [];
    const report = await verifyModel(findInstalled('smollm2-135m-instruct', places), (done, total) => (last = [done, total]));
    expect([report.ok, report.files.map(({ state }) => state), last]).toEqual([true, ['whole'], [98_362_432, 98_362_432]]);
  });
});

describe('removeModel', () => {
  test('removes the folder; of a linked model only the link; and not what is resident', async () => {
    install('llama-f32', 'mine');
    const elsewhere = join(root, String(number), 'elsewhere');
    cpSync(join(fixtures, 'llama-f32'), elsewhere, { recursive: true });
    symlinkSync(elsewhere, join(places.models, 'linked'));
    const [mine, linked] = [findInstalled('mine', places), findInstalled('linked', places)];
    expect(() => assertNotResident(mine, ['mine'])).toThrow(expect.objectContaining({ code: 'ModelConflict', status: 409 }));
    assertNotResident(mine, ['linked']);
    await removeModel(mine, places.models);
    await removeModel(linked, places.models);
    expect(readdirSync(places.models)).toEqual([]);
    expect(existsSync(join(elsewhere, 'model.safetensors'))).toBe(true);
  });
});
