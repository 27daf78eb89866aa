import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { KvStore } from '../../../src/core/ports.js';
import { rejection } from '../../rejection.js';
import { agent, chain, FINGERPRINT, imageBytes, imagesOf, readImage, store, StorePlace } from './fixtures.js';

const BYTES = 3000;
const LARGE = 100_000; // beside which a header is small
const DAY = 86_400_000;
const NONE = { maxBytes: 0, minFreeBytes: 0, maxBytesPerDay: 0 };

let at: StorePlace;
beforeEach(async () => {
  at = await StorePlace.make();
});
afterEach(() => at.clean());

const isThere = (kv: KvStore, seed: number, index = 0): boolean => kv.get(chain(seed, index + 1)[index]!.hash) !== null;

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(holds()).toBe(true);
}

describe('the governor of a store', () => {
  it('refuses what goes beyond the bytes of a day, also after a restart, and starts anew the next day', async () => {
    const limits = { ...NONE, maxBytesPerDay: 20_000 };
    let kv = await at.open({ limits });
    await store(kv, imagesOf(chain(1, 1), BYTES));
    await store(kv, imagesOf(chain(2, 1), BYTES));
    const { writtenTodayBytes } = kv.status();
    await kv.close();
    kv = await at.open({ limits });
    expect(kv.status()).toMatchObject({ writtenTodayBytes, writtenBytes: 0, state: 'ready' });
    const error = await rejection(store(kv, imagesOf(chain(3, 1), BYTES)));
    expect(error.code).toBe('CachePersistence');
    expect(error.message).toMatch(/of 20000 a day/);
    expect(kv.status()).toMatchObject({ state: 'suspended' });
    await kv.putAgent(agent('a')); // not what the governor counts
    at.now += DAY;
    await store(kv, imagesOf(chain(3, 1), BYTES));
    expect(kv.status()).toMatchObject({ state: 'ready', reason: null });
  });

  it('does not block for ever when the clock jumps back or forward', async () => {
    const limits = { ...NONE, maxBytesPerDay: 12_000 };
    const kv = await at.open({ limits });
    for (const [seed, jump] of [0, 400 * DAY, -800 * DAY, -at.now, 9 * DAY].entries()) {
      at.now += jump;
      await store(kv, imagesOf(chain(seed + 1, 1), BYTES));
      expect((await rejection(store(kv, imagesOf(chain(seed + 50, 1), BYTES)))).code).toBe('CachePersistence');
    }
    expect(kv.status().blocks).toBe(5);
  });

  it('keeps the free space it must, and evicts nothing where that would not help', async () => {
    let kv = await at.open();
    await store(kv, imagesOf(chain(1, 2), BYTES));
    await kv.close();
    kv = await at.open({ limits: { ...NONE, minFreeBytes: Number.MAX_SAFE_INTEGER } });
    expect((await rejection(store(kv, imagesOf(chain(2, 1), BYTES)))).message).toMatch(/must stay so/);
    expect(kv.status()).toMatchObject({ state: 'suspended', blocks: 2 });
  });

  it('evicts leaves first, then what fewer use, then what was used longest ago', async () => {
    const kv = await at.open({ limits: { ...NONE, maxBytes: 440_000 } });
    await store(kv, imagesOf(chain(1, 2), LARGE), 'a');
    await store(kv, imagesOf(chain(2, 1), LARGE), 'a');
    await store(kv, imagesOf(chain(3, 1), LARGE), 'a');
    await kv.own('b', [chain(2, 1)[0]!.hash]);
    kv.touch([chain(1, 2)[1]!.hash, chain(1, 2)[0]!.hash]);
    await store(kv, imagesOf(chain(4, 1), LARGE), 'a'); // 3 is the oldest that only one uses
    expect([isThere(kv, 1), isThere(kv, 1, 1), isThere(kv, 2), isThere(kv, 3), isThere(kv, 4)]).toEqual([true, true, true, false, true]);
    await kv.pin('a', true);
    expect((await rejection(store(kv, imagesOf(chain(5, 1), LARGE)))).message).toMatch(/nothing else may go/);
    expect(kv.status()).toMatchObject({ blocks: 4, evicted: 1, state: 'ready' });
    await kv.pin('a', false);
    await store(kv, imagesOf(chain(5, 1), LARGE), 'a');
    expect([isThere(kv, 1), isThere(kv, 1, 1), isThere(kv, 2), isThere(kv, 4), isThere(kv, 5)]).toEqual([true, false, true, true, true]);
  });

  it('does not evict what the new blocks follow', async () => {
    const kv = await at.open({ limits: { ...NONE, maxBytes: 330_000 } });
    await store(kv, imagesOf(chain(1, 2), LARGE), 'a');
    await store(kv, imagesOf(chain(2, 1), LARGE), 'a');
    await store(kv, imagesOf(chain(1, 3).slice(2), LARGE), 'a');
    expect([isThere(kv, 1), isThere(kv, 1, 1), isThere(kv, 1, 2), isThere(kv, 2)]).toEqual([true, true, true, false]);
  });

  it('remembers the order of use across a restart', async () => {
    const limits = { ...NONE, maxBytes: 330_000 };
    let kv = await at.open({ limits });
    for (const seed of [1, 2, 3]) await store(kv, imagesOf(chain(seed, 1), LARGE));
    kv.touch([chain(1, 1)[0]!.hash]);
    await kv.close();
    kv = await at.open({ limits });
    await store(kv, imagesOf(chain(4, 1), LARGE));
    expect([isThere(kv, 1), isThere(kv, 2), isThere(kv, 3)]).toEqual([true, false, true]);
  });

  it('refuses an extent that could never fit, and evicts nothing for it', async () => {
    const kv = await at.open({ limits: { ...NONE, maxBytes: 30_000 } });
    await store(kv, imagesOf(chain(1, 1), BYTES));
    expect((await rejection(store(kv, imagesOf(chain(2, 1), 40_000)))).code).toBe('CachePersistence');
    expect(isThere(kv, 1)).toBe(true);
  });
});

describe('a store whose directory cannot be used', () => {
  it('reads on while the disk refuses to write, and writes again by itself', async () => {
    const kv = await at.open();
    const [block] = chain(1, 1) as [ReturnType<typeof chain>[number]];
    await store(kv, imagesOf([block], BYTES), 'a');
    expect(await readImage(kv, block)).toBe('good');
    const [extents, away] = [join(at.directory, 'extents'), join(at.directory, 'away')];
    await rename(extents, away);
    await writeFile(extents, 'no directory');
    expect((await rejection(store(kv, imagesOf(chain(2, 1), BYTES)))).code).toBe('CachePersistence');
    expect(kv.status()).toMatchObject({ state: 'suspended', blocks: 1 });
    expect(kv.status().reason).toMatch(/the disk refused: E/);
    expect((await rejection(kv.putAgent(agent('a')))).code).toBe('CachePersistence');
    expect(await readImage(kv, block)).toBe('good'); // its file is open
    await new Promise((resolve) => setTimeout(resolve, 200)); // some probes later it is still so
    expect(kv.status().state).toBe('suspended');
    await rm(extents);
    await rename(away, extents);
    await until(() => kv.status().state === 'ready');
    await store(kv, imagesOf(chain(2, 1), BYTES));
    await kv.putAgent(agent('a'));
    expect(at.said.map(({ message }) => message)).toContain('kv store: writing again');
  });

  it('stores nothing of an extent whose commit the disk refuses', async () => {
    const kv = await at.open();
    const images = imagesOf(chain(1, 1), BYTES);
    const writer = await kv.beginExtent(images, FINGERPRINT);
    await rename(join(at.directory, 'extents'), join(at.directory, 'away'));
    expect((await rejection(writer.commit([0n], 'a'))).code).toBe('CachePersistence');
    expect(kv.get(images[0]!.block.hash)).toBeNull();
    await rename(join(at.directory, 'away'), join(at.directory, 'extents')).catch(() => undefined); // the probe may have made a new one
    await until(() => kv.status().state === 'ready');
  });

  it('opens suspended where a directory cannot be, and for good once it can', async () => {
    await writeFile(at.directory, 'a file');
    const kv = await at.open();
    expect(kv.status()).toMatchObject({ state: 'suspended', directory: at.directory });
    expect(kv.status().reason).toMatch(/EEXIST|ENOTDIR/);
    expect((await rejection(kv.beginExtent(imagesOf(chain(1, 1), BYTES), FINGERPRINT))).code).toBe('CachePersistence');
    await rm(at.directory);
    await until(() => kv.status().state === 'ready');
    await store(kv, imagesOf(chain(1, 1), BYTES));
  });
});

describe('files of a store', () => {
  it('are open to their owner alone, made so and set right', async () => {
    const umask = process.umask(0);
    try {
      let kv = await at.open();
      await store(kv, imagesOf(chain(1, 2), BYTES, [0, 1]), 'a');
      await kv.quarantine({ hash: chain(1, 1)[0]!.hash, kind: 0 }, 'a test');
      const check = async (): Promise<void> => {
        for (const [path, mode] of await modes(at.directory))
          expect([path, mode]).toEqual([path, (await stat(path)).isDirectory() ? 0o700 : 0o600]);
      };
      await check();
      expect((await modes(at.directory)).length).toBeGreaterThanOrEqual(9);
      await kv.close();
      for (const [path] of await modes(at.directory)) await chmod(path, (await stat(path)).isDirectory() ? 0o755 : 0o666);
      kv = await at.open();
      await check();
    } finally {
      process.umask(umask);
    }
  });

  it('hold no byte of what was purged: neither images nor tokens, neither evicted nor damaged, nor of its agent', async () => {
    const limits = { ...NONE, maxBytes: 60_000 };
    const kv = await at.open({ limits, compactionShare: 1 });
    const [kept, gone] = [chain(1, 2), chain(2, 3)];
    await store(kv, imagesOf([kept[0]!, gone[0]!, gone[1]!], BYTES), 'secret');
    await store(kv, imagesOf([kept[1]!, gone[2]!], BYTES), 'secret'); // once gone[2] is put aside, nothing in it is the secret's any more
    await kv.own(
      'other',
      kept.map(({ hash }) => hash),
    );
    await kv.putAgent(agent('secret', { tokens: gone[0]!.tokens, messages: [{ role: 'user', content: 'the launch code is 8441' }] }));
    await kv.quarantine({ hash: gone[2]!.hash, kind: 0 }, 'a test');
    await writeFile(join(at.directory, 'index-2026.broken'), gone[0]!.tokens);
    expect(await traces(gone)).toBeGreaterThan(3);
    await kv.dropAgent('secret');
    await kv.purge('secret');
    expect(await traces(gone)).toBe(0);
    for (const block of kept) expect(await readImage(kv, block)).toBe('good');
    await kv.close();
    expect(await traces(gone)).toBe(0);
    expect(await traces(kept)).toBeGreaterThan(0);
  });

  it('are readable by any program that knows safetensors', async () => {
    const kv = await at.open();
    await store(kv, imagesOf(chain(1, 2), 3001, [0, 1]));
    const [file] = await readdir(join(at.directory, 'extents'));
    const bytes = await readFile(join(at.directory, 'extents', file!));
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    >;
    expect((8 + length) % 4096).toBe(0);
    let end = 0; // no holes, no overlap
    for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header).filter(([key]) => key !== '__metadata__')) {
      expect(offsets[0]).toBe(end);
      end = offsets[1];
      expect(end - offsets[0]).toBe(shape[0]! * (dtype === 'U64' ? 8 : 1));
      if (!name.startsWith('pad.')) expect(offsets[0] % 64).toBe(0);
    }
    expect(8 + length + end).toBe(bytes.length);
    const { data_offsets: place } = header[`${chain(1, 2)[1]!.hash}.1`]!;
    expect(bytes.subarray(8 + length + place[0], 8 + length + place[1]).equals(imageBytes(chain(1, 2)[1]!, 1, 3001))).toBe(true);
  });

  it('shrink in the background once most of an extent is dead', async () => {
    const kv = await at.open();
    await store(kv, imagesOf(chain(1, 4), BYTES));
    const before = (await readdir(join(at.directory, 'extents')))[0];
    for (const { hash } of chain(1, 4).slice(1)) await kv.quarantine({ hash, kind: 0 }, 'a test');
    await until(() => kv.status().deadBytes === 0);
    expect(await readdir(join(at.directory, 'extents'))).not.toContain(before);
    expect(await readImage(kv, chain(1, 4)[0]!)).toBe('good');
    expect(kv.status()).toMatchObject({ blocks: 1, bytes: BYTES, extents: 1 });
  });
});

async function modes(directory: string): Promise<[string, number][]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = [directory, ...entries.map((entry) => join(entry.parentPath, entry.name))];
  return Promise.all(paths.map(async (path): Promise<[string, number]> => [path, (await stat(path)).mode & 0o777]));
}

/** Files of the store that hold a stretch of these blocks' images, tokens or names. */
async function traces(blocks: ReturnType<typeof chain>): Promise<number> {
  const needles = blocks.flatMap((block) => [
    Buffer.from(imageBytes(block, 0, BYTES)).subarray(1000, 1032),
    Buffer.from(block.tokens.buffer, block.tokens.byteOffset + 400, 60),
    Buffer.from(block.hash, 'latin1'),
    Buffer.from('launch code'),
  ]);
  const entries = await readdir(at.directory, { recursive: true, withFileTypes: true });
  let found = 0;
  for (const entry of entries.filter((each) => each.isFile())) {
    const bytes = await readFile(join(entry.parentPath, entry.name));
    for (const needle of needles) if (bytes.includes(needle)) found++;
  }
  return found;
}
