import { readFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { KvStore } from '../../../src/core/ports.js';
import { rejection } from '../../rejection.js';
import { agent, chain, FINGERPRINT, imageBytes, imagesOf, readImage, START, store } from './fixtures.js';
import { xxh64 } from './xxh64.js';

export interface StoreUnderTest {
  readonly kv: KvStore;
  /** The same place, opened again. */
  reopen(): Promise<KvStore>;
  clean(): Promise<void>;
}

const BYTES = 3000;

/** What every implementation of KvStore that keeps something must do. */
export function describeKvStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a KvStore`, () => {
    let place: StoreUnderTest;
    let kv: KvStore;
    beforeEach(async () => {
      place = await make();
      kv = place.kv;
    });
    afterEach(() => place.clean());

    it('is empty and ready at first', () => {
      expect(kv.status()).toMatchObject({ state: 'ready', reason: null, blocks: 0, images: 0, bytes: 0, agents: 0 });
      expect(kv.get(START)).toBeNull();
      expect(kv.childrenOf(START)).toEqual([]);
      expect(kv.find('')).toEqual([]);
      expect(kv.describe(START)).toBeNull();
      expect(kv.agents()).toEqual([]);
    });

    it('gives back what was committed, by hash, by parent and by first digits', async () => {
      const blocks = chain(1, 3, 100);
      await store(kv, imagesOf(blocks, BYTES, [0, 1]), 'a');
      for (const block of blocks) {
        expect(kv.get(block.hash)).toEqual({ ...block, fingerprint: FINGERPRINT, kinds: [0, 1] });
        expect(kv.find(block.hash.slice(0, 12))).toHaveLength(1);
        for (const kind of [0, 1]) expect(await readImage(kv, block, kind)).toBe('good');
      }
      expect(kv.childrenOf(START).map(({ hash }) => hash)).toEqual([blocks[0]!.hash]);
      expect(kv.childrenOf(blocks[0]!.hash).map(({ hash }) => hash)).toEqual([blocks[1]!.hash]);
      expect(kv.describe(blocks[2]!.hash)).toMatchObject({
        owners: ['a'],
        images: [
          { kind: 0, bytes: BYTES },
          { kind: 1, bytes: BYTES },
        ],
      });
      expect(kv.status()).toMatchObject({ blocks: 3, images: 6, bytes: 6 * BYTES, ownedBytes: 6 * BYTES });
    });

    it('knows it again after it was closed and opened', async () => {
      const blocks = chain(1, 3, 100);
      await store(kv, imagesOf(blocks, BYTES), 'a');
      await kv.putAgent(agent('a'));
      await kv.close();
      kv = await place.reopen();
      for (const block of blocks) {
        expect(kv.get(block.hash)).toEqual({ ...block, fingerprint: FINGERPRINT, kinds: [0] });
        expect(await readImage(kv, block)).toBe('good');
      }
      expect(kv.describe(blocks[0]!.hash)?.owners).toEqual(['a']);
      expect(kv.agents()).toEqual([agent('a')]);
    });

    it('shows nothing of an extent before it is committed, and nothing of one that was abandoned', async () => {
      const [block] = chain(1, 1) as [ReturnType<typeof chain>[number]];
      const writer = await kv.beginExtent(imagesOf([block], BYTES), FINGERPRINT);
      writeSync(writer.fd, imageBytes(block, 0, BYTES), 0, BYTES, writer.places[0]!.offset);
      expect(kv.get(block.hash)).toBeNull();
      await writer.abandon();
      await writer.abandon();
      expect(kv.get(block.hash)).toBeNull();
      expect((await rejection(writer.commit([0n], null))).code).toBe('CachePersistence');
      await kv.close();
      expect((await place.reopen()).status()).toMatchObject({ blocks: 0, extents: 0 });
    });

    it('refuses a commit with the wrong number of checksums, an extent without images and one with an image twice', async () => {
      const images = imagesOf(chain(1, 1), BYTES);
      await expect(kv.beginExtent([], FINGERPRINT)).rejects.toThrow(/images of at least one byte/);
      await expect(kv.beginExtent([...images, ...images], FINGERPRINT)).rejects.toThrow(/each once/);
      const writer = await kv.beginExtent(images, FINGERPRINT);
      await expect(writer.commit([1n, 2n], null)).rejects.toThrow(/wanted 1 checksums, got 2/);
      await writer.abandon();
    });

    it('keeps one copy of an image that two writers bring', async () => {
      const images = imagesOf(chain(1, 2), BYTES);
      await Promise.all([store(kv, images, 'a'), store(kv, images, 'b')]);
      expect(kv.status()).toMatchObject({ blocks: 2, images: 2, bytes: 2 * BYTES, ownedBytes: 4 * BYTES, extents: 1, deadBytes: 0 });
      expect(kv.describe(images[0]!.block.hash)?.owners).toEqual(['a', 'b']);
    });

    it('adds an image of another kind to a block it has', async () => {
      const [block] = chain(1, 1) as [ReturnType<typeof chain>[number]];
      await store(kv, imagesOf([block], BYTES, [1]), 'a');
      await store(kv, imagesOf([block], 500, [0]), 'b');
      expect(kv.get(block.hash)?.kinds).toEqual([0, 1]);
      expect(kv.describe(block.hash)?.owners).toEqual(['a', 'b']);
      expect(await readImage(kv, block, 0)).toBe('good');
      expect(await readImage(kv, block, 1)).toBe('good');
    });

    it('gives seeds that differ by block, kind and number of tokens', async () => {
      const [whole, part] = [chain(1, 1)[0]!, chain(1, 1, 200)[0]!];
      const writer = await kv.beginExtent(imagesOf([whole, part], BYTES, [0, 1]), FINGERPRINT);
      expect(new Set(writer.places.map(({ seed }) => seed)).size).toBe(4);
      await writer.abandon();
    });

    it('does not find an image that was quarantined, and still finds those beside it', async () => {
      const [first, second] = chain(1, 2) as [ReturnType<typeof chain>[number], ReturnType<typeof chain>[number]];
      await store(kv, imagesOf([first, second], BYTES, [0, 1]));
      await kv.quarantine({ hash: first.hash, kind: 0 }, 'a test');
      expect(kv.get(first.hash)?.kinds).toEqual([1]);
      await kv.quarantine({ hash: first.hash, kind: 1 }, 'a test');
      expect(kv.get(first.hash)).toBeNull();
      await kv.quarantine({ hash: first.hash, kind: 1 }, 'it is gone already');
      expect(kv.status()).toMatchObject({ quarantined: 2, blocks: 1, images: 2 });
      expect((await rejection(kv.openImages([{ hash: first.hash, kind: 0 }]))).code).toBe('CacheCorruption');
      expect(await readImage(kv, second, 1)).toBe('good');
      await kv.close();
      kv = await place.reopen();
      expect(kv.get(first.hash)).toBeNull();
      expect(kv.status().quarantined).toBe(2);
    });

    it('counts what agents share once, and purges only what nobody else uses', async () => {
      const shared = chain(1, 2);
      const mine = chain(2, 3);
      await store(kv, imagesOf([...shared, ...mine], BYTES), 'a');
      await kv.own(
        'b',
        shared.map(({ hash }) => hash),
      );
      await kv.own(
        'b',
        shared.map(({ hash }) => hash),
      );
      expect(kv.status()).toMatchObject({ bytes: 5 * BYTES, ownedBytes: 7 * BYTES });
      expect(kv.ownedAlone('a')).toEqual({ blocks: 3, bytes: 3 * BYTES });
      expect(await kv.purge('a')).toEqual({ blocks: 3, bytes: 3 * BYTES });
      for (const { hash } of mine) expect(kv.get(hash)).toBeNull();
      for (const block of shared) expect(await readImage(kv, block)).toBe('good');
      expect(kv.describe(shared[0]!.hash)?.owners).toEqual(['b']);
      expect(await kv.purge('a')).toEqual({ blocks: 0, bytes: 0 });
      expect(kv.status()).toMatchObject({ bytes: 2 * BYTES, deadBytes: 0 });
      await kv.close();
      kv = await place.reopen();
      expect(kv.describe(shared[0]!.hash)?.owners).toEqual(['b']);
      expect(kv.get(mine[0]!.hash)).toBeNull();
    });

    it('forgets who used a block that went and came back', async () => {
      const [first, second] = chain(1, 2) as [ReturnType<typeof chain>[number], ReturnType<typeof chain>[number]];
      await store(kv, imagesOf([first, second], BYTES), 'a');
      await kv.quarantine({ hash: second.hash, kind: 0 }, 'a test');
      await store(kv, imagesOf([second], BYTES), 'b');
      expect(kv.describe(second.hash)?.owners).toEqual(['b']);
      await kv.close();
      kv = await place.reopen();
      expect(kv.describe(first.hash)?.owners).toEqual(['a']);
      expect(kv.describe(second.hash)?.owners).toEqual(['b']);
    });

    it('lets an owner go and keeps what it used', async () => {
      const blocks = chain(1, 2);
      await store(kv, imagesOf(blocks, BYTES), 'a');
      await kv.pin('a', true);
      await kv.disown('a');
      await kv.disown('nobody');
      expect(kv.describe(blocks[0]!.hash)?.owners).toEqual([]);
      expect(kv.status()).toMatchObject({ bytes: 2 * BYTES, ownedBytes: 2 * BYTES });
      await kv.close();
      kv = await place.reopen();
      expect(kv.describe(blocks[0]!.hash)?.owners).toEqual([]);
      expect(await readImage(kv, blocks[1]!)).toBe('good');
    });

    it('discards what nobody else uses and nothing goes on from', async () => {
      const blocks = chain(1, 3);
      for (const block of blocks) await store(kv, imagesOf([block], BYTES), 'a');
      await kv.own('b', [blocks[1]!.hash]);
      const all = blocks.map(({ hash }) => hash);
      await kv.discard(null, all);
      expect(kv.status()).toMatchObject({ blocks: 3 });
      await kv.discard('a', [...all, START]);
      expect(all.map((hash) => kv.get(hash) !== null)).toEqual([true, true, false]);
      await kv.disown('b');
      await kv.discard('a', all);
      expect(all.map((hash) => kv.get(hash) !== null)).toEqual([true, false, false]);
      expect(kv.status()).toMatchObject({ blocks: 1, extents: 1, bytes: BYTES });
      await kv.close();
      kv = await place.reopen();
      expect(kv.status()).toMatchObject({ blocks: 1, extents: 1, bytes: BYTES });
      expect(await readImage(kv, blocks[0]!)).toBe('good');
    });

    it('reads an image to the end that was deleted after it was opened', async () => {
      const blocks = chain(1, 1);
      await store(kv, imagesOf(blocks, BYTES), 'a');
      const opened = await kv.openImages([{ hash: blocks[0]!.hash, kind: 0 }]);
      await kv.purge('a');
      const { fd, offset, bytes } = opened.images[0]!;
      const { readSync } = await import('node:fs');
      const content = new Uint8Array(bytes);
      readSync(fd, content, 0, bytes, offset);
      expect(Buffer.compare(content, imageBytes(blocks[0]!, 0, bytes))).toBe(0);
      await opened.close();
      await opened.close();
    });

    it.runIf(process.platform === 'linux')('reads what is announced, and fails nobody where it cannot', async () => {
      const bytes = 3_000_000; // more than one read takes
      const blocks = chain(1, 2);
      await store(kv, imagesOf(blocks, bytes), 'a');
      const before = bytesRead();
      await kv.announce(blocks.map(({ hash }) => ({ hash, kind: 0 })));
      expect(bytesRead() - before).toBeGreaterThanOrEqual(2 * bytes);
      await kv.announce([{ hash: blocks[0]!.hash, kind: 7 }]);
      await kv.purge('a');
      await kv.announce(blocks.map(({ hash }) => ({ hash, kind: 0 })));
      void kv.announce([]); // closing does not pull the files from under it
    });

    it('keeps agents as they were put last, and drops them', async () => {
      await kv.putAgent(agent('a'));
      await kv.putAgent(agent('b', { parent: 'a' }));
      await kv.putAgent(agent('a', { usedAt: 99, tokens: Int32Array.from([1, -2, 3]) }));
      expect(kv.agents()).toHaveLength(2);
      await kv.dropAgent('b');
      await kv.dropAgent('nobody');
      expect(kv.agents()).toEqual([agent('a', { usedAt: 99, tokens: Int32Array.from([1, -2, 3]) })]);
      await kv.close();
      expect((await place.reopen()).agents()).toEqual([agent('a', { usedAt: 99, tokens: Int32Array.from([1, -2, 3]) })]);
    });

    it('finds everything intact when nothing is damaged', async () => {
      const blocks = chain(1, 4);
      await store(kv, imagesOf(blocks, BYTES, [0, 1]));
      const seen: number[] = [];
      expect(await kv.verify((done) => void seen.push(done))).toEqual({ blocks: 4, images: 8, bytes: 8 * BYTES, damaged: [] });
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    it('counts what was written', async () => {
      await store(kv, imagesOf(chain(1, 1), BYTES));
      const { writtenBytes, writtenTodayBytes } = kv.status();
      expect(writtenBytes).toBeGreaterThanOrEqual(BYTES);
      expect(writtenTodayBytes).toBe(writtenBytes);
    });

    it('commits nothing after it was closed', async () => {
      const [block] = chain(1, 1) as [ReturnType<typeof chain>[number]];
      const writer = await kv.beginExtent(imagesOf([block], BYTES), FINGERPRINT);
      await kv.close();
      await kv.close();
      expect((await rejection(writer.commit([xxh64(new Uint8Array(0), 0n)], null))).code).toBe('CachePersistence');
      expect((await rejection(kv.beginExtent(imagesOf([block], BYTES), FINGERPRINT))).code).toBe('CachePersistence');
    });
  });
}

/** Of this process, as it asked for them: the page cache counts too. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}
