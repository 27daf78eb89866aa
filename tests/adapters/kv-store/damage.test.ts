import { copyFile, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { KvStore } from '../../../src/core/ports.js';
import { agent, chain, imagesOf, random, readImage, store, StorePlace } from './fixtures.js';

const BYTES = 3000;
const CHAINS = [1, 2, 3].map((seed) => chain(seed, 4, 100));
const EVERY = CHAINS.flat();
const KINDS = [0, 1];

/** A directory with three chains, two kinds of images and two agents; copied for each kind of damage. */
let good: StorePlace;
beforeAll(async () => {
  good = await StorePlace.make();
  const kv = await good.open();
  for (const [i, blocks] of CHAINS.entries()) await store(kv, imagesOf(blocks, BYTES, KINDS), `agent-${i}`);
  for (const id of ['agent-0', 'agent-1']) await kv.putAgent(agent(id));
  await kv.close();
});
afterAll(() => good.clean());

let at: StorePlace;
beforeEach(async () => {
  at = await StorePlace.make();
  await cp(good.directory, at.directory, { recursive: true });
});
afterEach(() => at.clean());

/** Reads everything as the engine would and checks that the store takes new blocks: how many images were good. */
async function use(kv: KvStore): Promise<number> {
  let intact = 0;
  for (const block of EVERY) {
    for (const kind of KINDS) {
      if (kv.get(block.hash)?.kinds.includes(kind) !== true) continue;
      expect(kv.get(block.hash)).toMatchObject({ parent: block.parent, index: block.index, tokens: block.tokens });
      const outcome = await readImage(kv, block, kind);
      expect(outcome).not.toBe('WRONG');
      if (outcome === 'good') intact++;
      else if (kv.get(block.hash)?.kinds.includes(kind) === true) await kv.quarantine({ hash: block.hash, kind }, 'checksum');
    }
  }
  for (const { id, tokens, messages } of kv.agents())
    expect({ tokens, messages }).toEqual({ tokens: agent(id).tokens, messages: agent(id).messages });
  return intact;
}

async function takesMore(kv: KvStore): Promise<void> {
  const [block] = chain(99, 1) as [(typeof EVERY)[number]];
  if (kv.get(block.hash) === null) await store(kv, imagesOf([block], BYTES), 'new');
  expect(await readImage(kv, block)).toBe('good');
}

const extentsOf = async (): Promise<string[]> => (await readdir(join(at.directory, 'extents'))).map((file) => `extents/${file}`);

describe('a damaged store', () => {
  it('serves what is good of extents with flipped bits, and finds each flip', async () => {
    const next = random(11);
    for (let round = 0; round < 12; round++) {
      const kv = await at.open();
      const files = await extentsOf();
      for (let flip = 0; flip < 10; flip++) {
        const file = files[Math.floor(next() * files.length)]!;
        await at.flip(file, Math.floor(next() * (await stat(join(at.directory, file))).size), Math.floor(next() * 8));
      }
      const intact = await use(kv);
      expect(await use(kv)).toBe(intact);
      const known = new Set(EVERY.map(({ hash }) => hash));
      expect((await kv.verify()).damaged.filter(({ hash }) => known.has(hash))).toEqual([]); // reading has found them all
      expect((await kv.verify()).damaged).toEqual([]);
      await takesMore(kv);
      await kv.close();
    }
  });

  it('reports by verify what is damaged, puts it aside, and then finds all in order', async () => {
    const kv = await at.open();
    const opened = await kv.openImages([{ hash: EVERY[1]!.hash, kind: 1 }]);
    const { offset } = opened.images[0]!;
    await opened.close();
    const { extent } = kv.describe(EVERY[1]!.hash)!.images[0]!;
    await at.flip(`extents/${extent}.safetensors`, offset + 17);
    const { damaged, images } = await kv.verify();
    expect(damaged).toMatchObject([{ hash: EVERY[1]!.hash, kind: 1, extent }]);
    expect(images).toBe(24);
    expect(kv.get(EVERY[1]!.hash)?.kinds).toEqual([0]);
    expect(kv.status().quarantined).toBe(1);
    expect(await readdir(join(at.directory, 'quarantine'))).toHaveLength(1);
    expect(at.said.some(({ message }) => message.includes('damaged'))).toBe(true);
    expect((await kv.verify()).damaged).toEqual([]);
  });

  it('keeps no more copies of damaged images than it may', async () => {
    const kv = await at.open({ quarantineBytes: 2 * (4096 + BYTES) });
    for (const [i, { hash }] of EVERY.entries()) {
      at.now += 1 + i;
      await kv.quarantine({ hash, kind: 0 }, 'a test');
    }
    expect(kv.status().quarantined).toBe(2);
    expect(await readdir(join(at.directory, 'quarantine'))).toHaveLength(2);
  });

  it('serves what is left of extents that were cut or are gone', async () => {
    const next = random(12);
    for (let round = 0; round < 12; round++) {
      await rm(at.directory, { recursive: true });
      await cp(good.directory, at.directory, { recursive: true });
      const isOpen = round % 2 === 0;
      let kv = isOpen ? await at.open() : null;
      for (const file of (await extentsOf()).slice(0, 2)) {
        const path = join(at.directory, file);
        if (next() < 0.3) await rm(path);
        else await truncate(path, Math.floor(next() * (await stat(path)).size));
      }
      kv ??= await at.open();
      expect(await use(kv)).toBeGreaterThanOrEqual(8); // those of the third extent
      await takesMore(kv);
      await kv.close();
      kv = await at.open();
      expect(await use(kv)).toBe(kv.status().images - 1);
      await kv.close();
    }
  });

  it('opens with an index of flipped bits, and loses no block by it', async () => {
    const next = random(13);
    const size = (await stat(join(at.directory, 'index.db'))).size;
    for (let round = 0; round < 60; round++) {
      await copyFile(join(good.directory, 'index.db'), join(at.directory, 'index.db'));
      for (let flip = 0; flip <= round % 6; flip++) {
        const page = Math.floor(next() * (size / 4096)) * 4096;
        const place = next() < 0.5 ? page + Math.floor(next() * 100) : Math.floor(next() * size);
        await at.flip('index.db', place, Math.floor(next() * 8));
      }
      const kv = await at.open();
      expect(kv.status().state).toBe('ready');
      expect(await use(kv)).toBe(24);
      await kv.putAgent(agent('later'));
      await kv.close();
    }
    expect((await readdir(at.directory)).filter((file) => file.endsWith('.broken')).length).toBeLessThanOrEqual(2);
  });

  it('opens with an index that was cut, emptied, replaced by nonsense, or is gone, and loses no block by it', async () => {
    const size = (await stat(join(at.directory, 'index.db'))).size;
    const index = join(at.directory, 'index.db');
    const damages: (() => Promise<unknown>)[] = [
      ...[0, 1, 100, 4096, 5000, size - 4096, size - 1].map((length) => () => truncate(index, length)),
      () => writeFile(index, 'nonsense'.repeat(4000)),
      () => rm(index),
      () => writeFile(`${index}-wal`, 'nonsense'.repeat(4000)),
    ];
    for (const [i, damage] of damages.entries()) {
      await copyFile(join(good.directory, 'index.db'), index);
      await damage();
      const kv = await at.open();
      expect(kv.status().state, `damage ${i}`).toBe('ready');
      expect(await use(kv), `damage ${i}`).toBe(24);
      await kv.close();
    }
  });

  it('opens with index and extents damaged at once', async () => {
    const next = random(14);
    for (let round = 0; round < 25; round++) {
      await rm(at.directory, { recursive: true });
      await cp(good.directory, at.directory, { recursive: true });
      const files = [...(await extentsOf()), 'index.db', 'index.db', 'format', 'lock'];
      for (let flip = 0; flip < 6; flip++) {
        const file = files[Math.floor(next() * files.length)]!;
        const { size } = await stat(join(at.directory, file));
        if (size === 0) await writeFile(join(at.directory, file), 'x');
        else if (next() < 0.2) await truncate(join(at.directory, file), Math.floor(next() * size));
        else await at.flip(file, Math.floor(next() * size), Math.floor(next() * 8));
      }
      const kv = await at.open();
      expect(kv.status().state).toBe('ready');
      await use(kv);
      await takesMore(kv);
      await kv.close();
    }
  });

  it('forgets what has no file, keeps what has no row from being found, and sweeps what was being written', async () => {
    await mkdir(join(at.directory, 'extents'), { recursive: true });
    await writeFile(join(at.directory, 'extents', `${'a'.repeat(24)}.safetensors`), 'never committed');
    await writeFile(join(at.directory, 'format.tmp'), 'half');
    await writeFile(join(at.directory, 'extents', 'readme.txt'), 'of somebody else');
    const kv = await at.open();
    expect(await readdir(join(at.directory, 'extents'))).toHaveLength(4);
    expect(await readdir(at.directory)).not.toContain('format.tmp');
    expect(await use(kv)).toBe(24);
  });

  it('goes on when the index is damaged while it is open', async () => {
    const kv = await at.open();
    await rm(join(at.directory, 'index.db'));
    await rm(join(at.directory, 'index.db-wal'), { force: true });
    await rm(join(at.directory, 'extents'), { recursive: true });
    await kv.putAgent(agent('x')).catch(() => undefined);
    await expect(store(kv, imagesOf(chain(50, 1), BYTES))).rejects.toMatchObject({ code: 'CachePersistence' });
    expect(kv.status().state).toBe('suspended');
    await until(() => kv.status().state === 'ready');
    await takesMore(kv);
    expect(await use(kv)).toBe(0);
    await kv.close();
    const again = await at.open();
    expect(again.agents().map(({ id }) => id)).toContain('agent-0');
    expect(await readImage(again, chain(99, 1)[0]!)).toBe('good');
  });

  it('does not touch a directory of a newer format', async () => {
    const { formatLine } = await import('../../../src/adapters/kv-store/format-file.js');
    await writeFile(join(at.directory, 'format'), formatLine(2));
    const before = await contents(at.directory);
    const kv = await at.open();
    expect(kv.status()).toMatchObject({ state: 'suspended', blocks: 0 });
    expect(kv.status().reason).toContain('is of format 2');
    expect(kv.get(EVERY[0]!.hash)).toBeNull();
    await expect(kv.putAgent(agent('a'))).rejects.toMatchObject({ code: 'CachePersistence' });
    await expect(kv.purge('agent-0')).rejects.toMatchObject({ code: 'CachePersistence' });
    await kv.close();
    expect(await contents(at.directory)).toEqual(before);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(holds()).toBe(true);
}

async function contents(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, (await readFile(file)).toString('base64')] as const)));
}
