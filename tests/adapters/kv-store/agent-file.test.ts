import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { AgentContext } from '../../../src/core/domain/agent.js';
import type { KvBlock } from '../../../src/core/domain/kv-block.js';
import type { KvStore } from '../../../src/core/ports.js';
import { rejection } from '../../rejection.js';
import { agent, chain, imagesOf, random, readImage, store, StorePlace } from './fixtures.js';

const BYTES = 5000;
const BLOCKS = chain(1, 3, 100);
const KEYS = imagesOf(BLOCKS, BYTES, [0, 1]).map(({ block, kind }) => ({ hash: block.hash, kind }));
const asIs = (context: AgentContext, blocks: readonly KvBlock[]) => ({ agent: context, blocks });

async function* inPieces(file: Uint8Array, bytes = 777): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += bytes) yield file.subarray(at, at + bytes);
}

async function exported(kv: KvStore, context = agent('a')): Promise<Buffer> {
  const { bytes, chunks } = await kv.exportAgent(context, KEYS);
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk);
  const file = Buffer.concat(pieces);
  expect(file).toHaveLength(bytes);
  return file;
}

describe('the file of an agent', () => {
  let from: StorePlace;
  let to: StorePlace;
  let kv: KvStore;
  beforeEach(async () => {
    [from, to] = [await StorePlace.make(), await StorePlace.make()];
    kv = await from.open();
    await store(kv, imagesOf(BLOCKS, BYTES, [0, 1]), 'a');
  });
  afterEach(async () => {
    await from.clean();
    await to.clean();
  });

  it('brings agent and blocks into another store', async () => {
    const other = await to.open({ extentBytes: 2 * BYTES });
    const seen: unknown[] = [];
    const taken = await other.importAgent(inPieces(await exported(kv)), (context, blocks) => {
      seen.push(context, blocks);
      return { agent: { ...context, id: 'b' }, blocks };
    });
    expect(seen).toEqual([agent('a'), BLOCKS]);
    const renamed = { ...agent('a'), id: 'b' };
    expect(taken).toEqual(renamed);
    expect(other.agents()).toEqual([renamed]);
    for (const { hash, kind } of KEYS) expect(await readImage(other, { hash }, kind)).toBe('good');
    expect(other.describe(BLOCKS[0]!.hash)?.owners).toEqual(['b']);
    expect(other.status()).toMatchObject({ blocks: 3, images: 6, extents: 3 });
    await other.close();
    const again = await to.open();
    expect(again.agents()).toEqual([renamed]);
    expect(await again.verify()).toMatchObject({ images: 6, damaged: [] });
  });

  it('is stored under the hashes that accept gives', async () => {
    const other = await to.open();
    const here = BLOCKS.map((block) => ({ ...block, hash: block.hash.split('').reverse().join('') }));
    await other.importAgent(inPieces(await exported(kv)), (context) => ({ agent: context, blocks: here }));
    expect(other.get(BLOCKS[0]!.hash)).toBeNull();
    for (const { hash } of here) expect(other.get(hash)?.kinds).toEqual([0, 1]);
    expect((await other.verify()).damaged).toEqual([]);
  });

  it('takes nothing twice', async () => {
    const file = await exported(kv);
    await kv.importAgent(inPieces(file), asIs);
    expect(kv.status()).toMatchObject({ blocks: 3, images: 6, extents: 1, deadBytes: 0, agents: 1 });
  });

  it('has an agent without any block too', async () => {
    const { chunks } = await kv.exportAgent(agent('empty'), []);
    const other = await to.open();
    await other.importAgent(chunks, asIs);
    expect(other.agents()).toEqual([agent('empty')]);
  });

  it('is refused by who accepts it, and then nothing is stored', async () => {
    const other = await to.open();
    const refuse = (): never => {
      throw new Error('of another model');
    };
    await expect(other.importAgent(inPieces(await exported(kv)), refuse)).rejects.toThrow('of another model');
    await expect(other.importAgent(inPieces(await exported(kv)), (context) => asIs(context, BLOCKS.slice(1)))).rejects.toThrow(
      /same 3 blocks/,
    );
    expect(other.status()).toMatchObject({ agents: 0, blocks: 0, extents: 0 });
  });

  it('is refused when a bit of it is flipped, wherever that is, or when it is cut or goes on', async () => {
    const file = await exported(kv);
    const other = await to.open();
    const next = random(4);
    const places = [0, 1, 7, 8, 9, 40, 4095, file.length - 1, ...Array.from({ length: 60 }, () => Math.floor(next() * file.length))];
    for (const place of places) {
      const bad = Buffer.from(file);
      bad[place]! ^= 1 << Math.floor(next() * 8);
      expect((await rejection(other.importAgent(inPieces(bad), asIs))).code, `flipped at ${place}`).toBe('CacheCorruption');
    }
    for (const length of [0, 3, 8, 4000, 4096, 8192, file.length - BYTES, file.length - 1]) {
      expect((await rejection(other.importAgent(inPieces(file.subarray(0, length)), asIs))).code, `cut to ${length}`).toBe(
        'CacheCorruption',
      );
    }
    expect((await rejection(other.importAgent(inPieces(Buffer.concat([file, Buffer.of(0)])), asIs))).code).toBe('CacheCorruption');
    expect(other.status()).toMatchObject({ agents: 0, blocks: 0, extents: 0, bytes: 0 });
    await other.importAgent(inPieces(file), asIs);
    expect(other.status().blocks).toBe(3);
  });

  it('is not written at all when one of its images is damaged', async () => {
    const opened = await kv.openImages([KEYS[0]!]);
    const { offset } = opened.images[0]!;
    await opened.close();
    const { extent } = kv.describe(KEYS[0]!.hash)!.images[0]!;
    await from.flip(`extents/${extent}.safetensors`, offset + 5);
    expect((await rejection(kv.exportAgent(agent('a'), KEYS))).code).toBe('CacheCorruption');
    expect(kv.status().quarantined).toBe(1);
    expect(kv.get(KEYS[0]!.hash)?.kinds).toEqual([1]);
  });

  it('can be left half read', async () => {
    const { chunks } = await kv.exportAgent(agent('a'), KEYS);
    for await (const chunk of chunks) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(await kv.purge('a')).toMatchObject({ blocks: 3 });
  });
});
