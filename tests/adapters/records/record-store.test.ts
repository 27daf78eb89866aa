import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RecordStore, type RecordStoreOptions } from '../../../src/adapters/records/record-store.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'semantic-records-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const refused: unknown[] = [];
const open = (changed: Partial<RecordStoreOptions> = {}): Promise<RecordStore> =>
  RecordStore.open({ directory, maxCount: 100, maxBytes: 10_000, onRefused: (error) => void refused.push(error), ...changed });

const key = (id: string, scope = 'local') => ({ scope, id });

function files(): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('RecordStore', () => {
  test('gives back what was put, at once, and to the next process', async () => {
    const first = await open();
    expect(first.put(key('a'), 'Grüezi')).toBe(true);
    expect(await first.get(key('a'))).toBe('Grüezi');
    expect(await first.get(key('a', 'other'))).toBeNull();
    await first.settled();
    expect(await first.get(key('a'))).toBe('Grüezi');
    const second = await open();
    expect(second.bytes).toBe(first.bytes);
    expect(await second.get(key('a'))).toBe('Grüezi');
    expect(await second.get(key('a', 'other'))).toBeNull();
  });

  test('only its owner can read its files', async () => {
    const store = await open();
    store.put(key('a'), 'x');
    await store.settled();
    expect(files().map((file) => statSync(file).mode & 0o777)).toEqual([0o600]);
  });

  test('what is removed is gone from the disk', async () => {
    const store = await open();
    store.put(key('a'), 'x');
    expect(await store.remove(key('a'))).toBe(true);
    expect(files()).toEqual([]);
    expect(await store.remove(key('a'))).toBe(false);
    expect(await (await open()).get(key('a'))).toBeNull();
  });

  test('a scope that is removed is gone from the disk, what another process wrote of it too, and no other scope is', async () => {
    const [mine, theirs] = [await open(), await open()];
    theirs.put(key('a'), 'x');
    await theirs.settled();
    mine.put(key('b'), 'y');
    mine.put(key('c', 'other'), 'zz');
    await mine.removeScope('local');
    expect(files()).toHaveLength(1);
    expect([mine.count, mine.bytes]).toEqual([1, 2]);
    expect(await mine.get(key('b'))).toBeNull();
    expect(await mine.get(key('c', 'other'))).toBe('zz');
  });

  test('removes what another process wrote', async () => {
    const [mine, theirs] = [await open(), await open()];
    theirs.put(key('a'), 'x');
    await theirs.settled();
    expect(await mine.remove(key('a'))).toBe(true);
    expect(files()).toEqual([]);
  });

  test('the least recently used go first, whatever was asked for or said again, and so they do after a start', async () => {
    const store = await open({ maxCount: 2 });
    store.put(key('a'), 'x');
    store.put(key('b'), 'x');
    await store.get(key('a'));
    store.put(key('c'), 'x');
    expect(await Promise.all(['a', 'b', 'c'].map((id) => store.get(key(id))))).toEqual(['x', null, 'x']);
    await store.settled();
    const next = await open({ maxCount: 2 });
    next.put(key('d'), 'x');
    expect(next.count).toBe(2);
    expect(await next.get(key('d'))).toBe('x');
  });

  test('what is larger than all may be is not kept, and takes nothing with it', async () => {
    const store = await open({ maxBytes: 10 });
    store.put(key('a'), '12345');
    expect(store.put(key('b'), '1234567890é')).toBe(false);
    expect(await store.get(key('a'))).toBe('12345');
    expect(await store.get(key('b'))).toBeNull();
  });

  test('never holds more than it may, in memory or on disk, whatever is done to it', async () => {
    const step = fc.record({ what: fc.constantFrom('put', 'get', 'remove'), id: fc.constantFrom('a', 'b', 'c', 'd'), size: fc.nat(40) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.boolean(), async (steps, isOnDisk) => {
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory);
        const store = await open({ directory: isOnDisk ? directory : null, maxCount: 3, maxBytes: 60 });
        const last = new Map<string, string>();
        for (const { what, id, size } of steps) {
          const text = String(last.size % 10).repeat(size);
          if (what === 'put') {
            expect(store.put(key(id), text)).toBe(true);
            last.set(id, text);
          } else if (what === 'remove') {
            await store.remove(key(id));
            last.delete(id);
          } else expect([null, last.get(id)]).toContain(await store.get(key(id)));
          expect(store.count).toBeLessThanOrEqual(3);
          expect(store.bytes).toBeLessThanOrEqual(60);
        }
        await store.settled();
        if (!isOnDisk) return;
        expect(files()).toHaveLength(store.count);
        const next = await open({ maxCount: 3, maxBytes: 60 });
        expect([next.count, next.bytes]).toEqual([store.count, store.bytes]);
      }),
      { numRuns: 50 },
    );
  });

  test.each(['../x', 'a/b', '', 'x'.repeat(200), 'a\0b'])('an id that is no name is not there: %j', async (id) => {
    const store = await open();
    expect(store.put(key(id), 'x')).toBe(false);
    expect(await store.get(key(id))).toBeNull();
    expect(await store.remove(key(id))).toBe(false);
    await store.settled();
    expect(files()).toEqual([]);
  });

  test('a file that is damaged, cut off or half written is not there', async () => {
    const store = await open();
    for (const id of ['flipped', 'cut', 'empty']) store.put(key(id), 'a text of some length');
    await store.settled();
    for (const file of files()) {
      const bytes = readFileSync(file);
      bytes[bytes.length - 3]! ^= 1;
      writeFileSync(file, file.includes('flipped') ? bytes : bytes.subarray(0, file.includes('cut') ? -1 : 0));
    }
    writeFileSync(`${files()[0]!}.tmp`, 'half');
    const next = await open();
    for (const id of ['flipped', 'cut', 'empty']) expect(await next.get(key(id))).toBeNull();
    expect(files()).toHaveLength(3);
  });

  test('what the disk refuses stays in memory, and is said once', async () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'a file where the folder should be');
    refused.length = 0;
    const store = await open();
    store.put(key('a'), 'x');
    store.put(key('b'), 'y');
    await store.settled();
    expect(refused).toHaveLength(1);
    expect(await store.get(key('a'))).toBe('x');
    expect(await store.get(key('b'))).toBe('y');
    rmSync(directory);
    store.put(key('c'), 'z');
    await store.settled();
    expect(await (await open()).get(key('c'))).toBe('z');
  });
});
