import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { addKey } from '../../../src/adapters/keys/add-key.js';
import { changeKeys, readKeys } from '../../../src/adapters/keys/key-file.js';
import { KeyRing } from '../../../src/adapters/keys/key-ring.js';
import { findKey, removeKey } from '../../../src/adapters/keys/remove-key.js';
import { rejection } from '../../rejection.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;
let path: string;
beforeEach(() => {
  number += 1;
  path = join(folder, String(number), 'keys.json');
});

describe('a key', () => {
  test('has 256 random bits, is on file as a hash alone, and only its owner can read that', async () => {
    const { key, name } = await addKey(path, 'laptop');
    expect([name, key]).toEqual(['laptop', expect.stringMatching(/^sk-semantic-[\w-]{43}$/)]);
    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain(key.slice('sk-semantic-'.length + 4));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await addKey(path, 'other')).key).not.toBe(key);
  });

  test('is known by its SHA-256', async () => {
    const sha256 = '456f1612bd25c6c8455039437bf441f43aa3b7d1c0b0047c712d5036dfebef0d'; // printf %s sk-one | sha256sum
    await changeKeys(path, () => [{ name: 'one', start: 'sk-o', sha256, createdAt: 0 }]);
    const ring = new KeyRing(path, () => undefined);
    expect(['sk-one', 'sk-two', '', sha256].map((secret) => ring.find(secret)?.name ?? null)).toEqual(['one', null, null, null]);
  });

  test('without a name takes the first that is free', async () => {
    await addKey(path, null);
    await addKey(path, 'key-3');
    await addKey(path, null);
    await removeKey(path, 'key-1');
    await addKey(path, null);
    await addKey(path, null);
    expect(readKeys(path).map(({ name }) => name)).toEqual(['key-3', 'key-2', 'key-1', 'key-4']);
  });

  test.each(['', '-x', 'a b', 'x'.repeat(65), '../x'])('cannot be called %j', async (name) => {
    expect(await rejection(addKey(path, name))).toMatchObject({ code: 'InvalidRequest', param: 'name' });
    expect(existsSync(path)).toBe(false);
  });

  test('has its name alone, and one that is not there cannot be removed', async () => {
    await addKey(path, 'laptop');
    const before = readFileSync(path, 'utf8');
    expect(await rejection(addKey(path, 'laptop'))).toMatchObject({ code: 'KeyConflict' });
    const missing = { code: 'KeyNotFound', hint: 'Did you mean laptop?' };
    expect(await rejection(removeKey(path, 'labtop'))).toMatchObject(missing);
    expect(() => findKey(path, 'labtop')).toThrow(expect.objectContaining(missing));
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(existsSync(`${path}.next`)).toBe(false);
  });
});

describe('the file', () => {
  test('loses none of many that are made at once', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `k${i}`);
    await Promise.all(names.map((name) => addKey(path, name)));
    expect(new Set(readKeys(path).map(({ name }) => name))).toEqual(new Set(names));
  });

  test('left behind by a change that was killed stops the next one, which says what to do', async () => {
    await addKey(path, 'laptop');
    writeFileSync(`${path}.next`, '');
    const error = await rejection(addKey(path, 'other'));
    expect(error).toMatchObject({ code: 'ConfigInvalid', message: expect.stringContaining(`${path}.next`) });
    expect(readKeys(path).map(({ name }) => name)).toEqual(['laptop']);
  });

  test.each(['', '[]', '{"version":2,"keys":[]}', '{"version":1,"keys":[{"name":"x"}]}'])(
    'with %j in it is refused, not overwritten',
    async (text) => {
      await addKey(path, 'laptop');
      writeFileSync(path, text);
      expect(() => readKeys(path)).toThrow(expect.objectContaining({ code: 'ConfigInvalid', message: expect.stringContaining(path) }));
      expect(await rejection(addKey(path, 'other'))).toMatchObject({ code: 'ConfigInvalid' });
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );
});

describe('KeyRing', () => {
  test('follows the file, also where its size and its time of change stay', async () => {
    const ring = new KeyRing(path, () => undefined);
    expect([ring.size, ring.find('x')]).toEqual([0, null]);
    const first = await addKey(path, 'a');
    expect([ring.size, ring.find(first.key)?.name ?? null]).toEqual([1, 'a']);
    const { atime, mtime } = statSync(path);
    await changeKeys(path, (keys) => keys.map((key) => ({ ...key, sha256: '0'.repeat(64) })));
    utimesSync(path, atime, mtime);
    expect([ring.size, ring.find(first.key)?.name ?? null]).toEqual([1, null]);
    rmSync(path);
    expect(ring.size).toBe(0);
  });

  test('takes no key while the file cannot be read, says so once, and recovers', async () => {
    const told: unknown[] = [];
    const { key } = await addKey(path, 'a');
    const good = readFileSync(path, 'utf8');
    const ring = new KeyRing(path, (error) => told.push(error));
    expect(ring.find(key)?.name ?? null).toBe('a');
    writeFileSync(path, 'not JSON at all');
    expect([ring.find(key)?.name ?? null, ring.find(key)?.name ?? null, ring.size]).toEqual([null, null, 0]);
    expect(told).toEqual([expect.objectContaining({ code: 'ConfigInvalid' })]);
    writeFileSync(path, good);
    chmodSync(path, 0o600);
    expect(ring.find(key)?.name ?? null).toBe('a');
  });
});
