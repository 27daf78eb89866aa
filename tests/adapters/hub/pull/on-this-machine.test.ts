import { createHash } from 'node:crypto';
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { findInstalled, type LibraryPlaces } from '../../../../src/adapters/hub/model-library.js';
import { installLocal } from '../../../../src/adapters/hub/pull/install-local.js';
import { installMirror } from '../../../../src/adapters/hub/pull/install-mirror.js';
import { parseSource } from '../../../../src/adapters/hub/pull/parse-source.js';
import { removeModel } from '../../../../src/adapters/hub/remove-model.js';
import { verifyModel } from '../../../../src/adapters/hub/verify-model.js';
import { rejection } from '../../../rejection.js';

const fixtures = fileURLToPath(new URL('../../../fixtures/models', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let number = 0;
let home: string;
beforeEach(() => {
  number += 1;
  home = join(root, String(number));
  mkdirSync(home);
});

const models = (): string => join(home, 'models');
const places = (): LibraryPlaces => ({
  models: models(),
  aliases: join(home, 'a.json'),
  facts: join(home, 'f.json'),
  use: join(home, 'u.json'),
});
const options = (name: string | null = null) => ({
  models: models(),
  name,
  onProgress: () => undefined,
  signal: new AbortController().signal,
});
const verified = async (id: string) => {
  const { ok, files } = await verifyModel(findInstalled(id, places()), () => undefined);
  return [ok, ...files.map(({ path, state }) => `${path} ${state}`)];
};

describe('what is asked for', () => {
  test.each([
    ['smollm2-135m-instruct', { kind: 'catalogue', name: 'smollm2-135m-instruct' }],
    ['hf:owner/name', { kind: 'hub', repository: 'owner/name', revision: 'main', pick: null }],
    ['hf:owner/name@v1.0', { kind: 'hub', repository: 'owner/name', revision: 'v1.0', pick: null }],
    ['hf:owner/name@refs/pr/1:a b.gguf', { kind: 'hub', repository: 'owner/name', revision: 'refs/pr/1', pick: 'a b.gguf' }],
    [`${fixtures}/llama-f32`, { kind: 'local', path: `${fixtures}/llama-f32`, isFolder: true }],
    [`${fixtures}/llama-gguf/model.gguf`, { kind: 'local', path: `${fixtures}/llama-gguf/model.gguf`, isFolder: false }],
    [`oci:${fixtures}@v1`, { kind: 'mirror', path: fixtures, tag: 'v1' }],
  ])('%s', (text, source) => expect(parseSource(text)).toEqual(source));

  test.each([
    ['hf:name', 'InvalidRequest'],
    ['hf:owner/name/more', 'InvalidRequest'],
    ['hf:../name', 'InvalidRequest'],
    ['hf:owner/name@../x', 'InvalidRequest'],
    ['hf:owner/name:', 'InvalidRequest'],
    ['./nothing', 'ModelNotFound'],
    ['nothing.gguf', 'ModelNotFound'],
    ['oci:/nothing', 'ModelNotFound'],
  ])('%s is %s', (text, code) => expect(() => parseSource(text)).toThrow(expect.objectContaining({ code })));
});

describe('a model on this machine', () => {
  const folder = join(fixtures, 'llama-llama3-rope-bf16-sharded');

  test('is linked, file by file, without what is no part of it; removing it leaves the files', async () => {
    const pulled = await installLocal({ path: folder, isFolder: true }, 'link', options());
    expect(pulled).toMatchObject({ name: 'llama-llama3-rope-bf16-sharded', source: folder, fetched: true });
    expect(lstatSync(join(pulled.path, 'config.json')).isSymbolicLink()).toBe(true);
    expect(await verified(pulled.name)).toEqual([
      true,
      'config.json unrecorded',
      'golden.json unrecorded',
      'model-00001-of-00002.safetensors unrecorded',
      'model-00002-of-00002.safetensors unrecorded',
      'model.safetensors.index.json unrecorded',
    ]);
    expect(await installLocal({ path: folder, isFolder: true }, 'link', options())).toMatchObject({ fetched: false });
    await removeModel(findInstalled(pulled.name, places()), models());
    expect([existsSync(pulled.path), existsSync(join(folder, 'config.json'))]).toEqual([false, true]);
  });

  test('is copied with its hashes noted, where that is asked for', async () => {
    const path = join(fixtures, 'llama-gguf', 'model.gguf');
    const pulled = await installLocal({ path, isFolder: false }, 'copy', options('mine'));
    expect(pulled.path).toBe(join(models(), 'mine', 'model.gguf'));
    expect(lstatSync(pulled.path).isFile()).toBe(true);
    expect(await verified('mine')).toEqual([true, 'model.gguf whole']);
  });

  test('without a model in it is refused, and a name that is taken is too', async () => {
    expect(await rejection(installLocal({ path: join(fixtures, 'configs'), isFolder: true }, 'link', options()))).toMatchObject({
      code: 'ModelUnsupported',
    });
    await installLocal({ path: folder, isFolder: true }, 'link', options('mine'));
    const other = { path: join(fixtures, 'llama-f32'), isFolder: true };
    expect(await rejection(installLocal(other, 'link', options('mine')))).toMatchObject({ code: 'ModelConflict', status: 409 });
  });
});

describe('a mirror laid out as an OCI image', () => {
  const digestOf = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');
  /** With a blob for each file of a tiny model, and a manifest for each tag. */
  const makeMirror = (tags: readonly string[], titles: (name: string) => string = (name) => name): string => {
    const mirror = join(home, 'mirror');
    mkdirSync(join(mirror, 'blobs', 'sha256'), { recursive: true });
    const put = (content: Buffer | string): { digest: string; size: number } => {
      writeFileSync(join(mirror, 'blobs', 'sha256', digestOf(content)), content);
      return { digest: `sha256:${digestOf(content)}`, size: content.length };
    };
    const layers = ['config.json', 'model.safetensors'].map((name) => ({
      ...put(readFileSync(join(fixtures, 'llama-f32', name))),
      annotations: { 'org.opencontainers.image.title': titles(name) },
    }));
    const manifests = tags.map((tag) => ({
      ...put(JSON.stringify({ layers, annotations: { tag } })),
      annotations: { 'org.opencontainers.image.ref.name': tag },
    }));
    writeFileSync(join(mirror, 'index.json'), JSON.stringify({ manifests }));
    return mirror;
  };

  test('is recognised, copied and compared with its hashes', async () => {
    const path = makeMirror(['tiny']);
    expect(parseSource(path)).toEqual({ kind: 'mirror', path, tag: null });
    const pulled = await installMirror({ path, tag: null }, options());
    expect(pulled).toMatchObject({ name: 'tiny', fetched: true, source: expect.stringMatching(/^oci:.*@sha256:[0-9a-f]{64}$/) });
    expect(await verified('tiny')).toEqual([true, 'config.json whole', 'model.safetensors whole']);
    expect(await installMirror({ path, tag: 'tiny' }, options())).toMatchObject({ fetched: false });
  });

  test('with several manifests wants a tag, and lists them', async () => {
    const path = makeMirror(['v1', 'v2']);
    expect(await rejection(installMirror({ path, tag: null }, options()))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('tags: v1, v2'),
    });
    expect(await rejection(installMirror({ path, tag: 'v3' }, options()))).toMatchObject({ code: 'InvalidRequest' });
    expect(await installMirror({ path, tag: 'v2' }, options('mine'))).toMatchObject({ name: 'mine' });
  });

  test('with a damaged or missing blob installs nothing', async () => {
    const path = makeMirror(['tiny']);
    const blob = join(path, 'blobs', 'sha256', digestOf(readFileSync(join(fixtures, 'llama-f32', 'model.safetensors'))));
    const bytes = readFileSync(blob);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(blob, bytes);
    expect(await rejection(installMirror({ path, tag: null }, options()))).toMatchObject({ code: 'HashMismatch' });
    rmSync(blob);
    expect(await rejection(installMirror({ path, tag: null }, options()))).toMatchObject({ code: 'ModelFileMissing' });
    expect(readdirSync(models())).toEqual([]);
  });

  test('with an index that is none, or names that lead elsewhere, is refused', async () => {
    const path = makeMirror(['tiny'], (name) => `../${name}`);
    expect(await rejection(installMirror({ path, tag: null }, options()))).toMatchObject({ code: 'ModelUnsupported' });
    writeFileSync(join(path, 'index.json'), '{"manifests":[{"digest":"sha256:../../x"}]}');
    expect(await rejection(installMirror({ path, tag: null }, options()))).toMatchObject({ code: 'ModelFileCorrupt' });
    cpSync(join(fixtures, 'llama-f32', 'config.json'), join(path, 'index.json'));
    expect(await rejection(installMirror({ path, tag: null }, options()))).toMatchObject({ code: 'ModelFileCorrupt' });
  });
});
