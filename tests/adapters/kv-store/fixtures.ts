import { readSync, writeSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openKvStore } from '../../../src/adapters/kv-store/open-kv-store.js';
import type { KvStoreOptions } from '../../../src/adapters/kv-store/options.js';
import type { AgentContext } from '../../../src/core/domain/agent.js';
import { blockHash, chainStart } from '../../../src/core/domain/block-hash.js';
import type { KvBlock } from '../../../src/core/domain/kv-block.js';
import { sha256 } from '../../../src/core/engine/sha256.js';
import type { KvStore, NewKvImage } from '../../../src/core/ports.js';
import { xxh64, xxh64File } from './xxh64.js';

export const FINGERPRINT = 'model/tokenizer/template/cpu-panel16-f16';
export const START = chainStart(sha256, FINGERPRINT);
export const BLOCK_TOKENS = 256;

export interface Entry {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A directory of its own, stores opened on it, and what they said; gone with `clean`. */
export class StorePlace {
  readonly said: Entry[] = [];
  now = Date.UTC(2026, 10, 21, 12);
  readonly #open: KvStore[] = [];

  private constructor(
    readonly root: string,
    readonly directory: string,
  ) {}

  static async make(): Promise<StorePlace> {
    const root = await mkdtemp(join(tmpdir(), 'kv-store-'));
    return new StorePlace(root, join(root, 'kv'));
  }

  options(changes: Partial<KvStoreOptions> = {}): KvStoreOptions {
    return {
      directory: this.directory,
      limits: { maxBytes: 0, minFreeBytes: 0, maxBytesPerDay: 0 },
      extentBytes: 1 << 20,
      retrySeconds: 0.05,
      quarantineBytes: 1 << 20,
      compactionShare: 0.5,
      clock: { now: () => this.now },
      checksumFile: xxh64File,
      log: (level, message, fields) => void this.said.push({ level, message, fields }),
      ...changes,
    };
  }

  async open(changes: Partial<KvStoreOptions> = {}): Promise<KvStore> {
    const store = await openKvStore(this.options(changes));
    this.#open.push(store);
    return store;
  }

  /** Flips one bit of a file in the directory, in place. */
  async flip(file: string, offset: number, bit = 0): Promise<void> {
    const handle = await open(join(this.directory, file), 'r+');
    const byte = new Uint8Array(1);
    await handle.read(byte, 0, 1, offset);
    byte[0]! ^= 1 << bit;
    await handle.write(byte, 0, 1, offset);
    await handle.close();
  }

  async clean(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Pseudo-random numbers of 0..1 (mulberry32): the same for a seed. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A chain of blocks; chains of the same seed are the same, and the longer one goes on where the shorter ends. */
export function chain(seed: number, length: number, lastTokens = BLOCK_TOKENS, fingerprint = FINGERPRINT): KvBlock[] {
  const next = random(seed);
  const blocks: KvBlock[] = [];
  let parent = chainStart(sha256, fingerprint);
  for (let index = 0; index < length; index++) {
    const tokens = Int32Array.from({ length: BLOCK_TOKENS }, () => Math.floor(next() * 50_000)).slice(
      0,
      index === length - 1 ? lastTokens : BLOCK_TOKENS,
    );
    const hash = blockHash(sha256, parent, tokens);
    blocks.push({ hash, parent, index, tokens });
    parent = hash;
  }
  return blocks;
}

/** What a block's image holds: any function of its identity will do. */
export function imageBytes({ hash }: { readonly hash: string }, kind: number, bytes: number): Uint8Array {
  const next = random(Number.parseInt(hash.slice(0, 8), 16) ^ (kind * 7919));
  return Uint8Array.from({ length: bytes }, () => Math.floor(next() * 256));
}

export const imagesOf = (blocks: readonly KvBlock[], bytes: number, kinds: readonly number[] = [0]): NewKvImage[] =>
  blocks.flatMap((block) => kinds.map((kind) => ({ block, kind, bytes })));

/** Writes images as the engine would: bytes to their places, then the commit. */
export async function store(
  kv: KvStore,
  images: readonly NewKvImage[],
  owner: string | null = null,
  fingerprint = FINGERPRINT,
): Promise<void> {
  const writer = await kv.beginExtent(images, fingerprint);
  const checksums = images.map(({ block, kind, bytes }, i) => {
    const { offset, seed } = writer.places[i]!;
    const content = imageBytes(block, kind, bytes);
    writeSync(writer.fd, content, 0, bytes, offset);
    return xxh64(content, seed);
  });
  await writer.commit(checksums, owner);
}

export type ReadOutcome = 'good' | 'noticed' | 'WRONG';

/** Reads an image as the engine would: what has its checksum is used. `WRONG` is what may never be. */
export async function readImage(kv: KvStore, block: { readonly hash: string }, kind = 0): Promise<ReadOutcome> {
  let opened;
  try {
    opened = await kv.openImages([{ hash: block.hash, kind }]);
  } catch {
    return 'noticed';
  }
  try {
    const [{ fd, offset, bytes, seed, checksum }] = opened.images as [(typeof opened.images)[number]];
    const content = new Uint8Array(bytes);
    if (readSync(fd, content, 0, bytes, offset) < bytes) return 'noticed';
    if (xxh64(content, seed) !== checksum) return 'noticed';
    return Buffer.compare(content, imageBytes(block, kind, bytes)) === 0 ? 'good' : 'WRONG';
  } finally {
    await opened.close();
  }
}

export function agent(id: string, changes: Partial<AgentContext> = {}): AgentContext {
  return {
    id,
    scope: 'local',
    parent: null,
    createdAt: 1,
    usedAt: 2,
    messages: [{ role: 'user', content: `remember ${id}` }],
    tools: [],
    tokens: Int32Array.from({ length: 300 }, (_, i) => i * 7),
    fingerprint: FINGERPRINT,
    turns: [{ messages: 1, tokens: 300, at: 2 }],
    policy: { persist: 'disk', ttlSeconds: null, pinned: false, maxTokens: null },
    totals: { promptTokens: 200, cachedTokens: 0, completionTokens: 100 },
    report: null,
    ...changes,
  };
}
