import { read, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import xxhash from 'xxhash-wasm';

import { openKvStore } from '#src/adapters/kv-store/open-kv-store.js';
import { blockHash, chainStart } from '#src/core/domain/block-hash.js';
import type { KvBlock } from '#src/core/domain/kv-block.js';
import { sha256 } from '#src/core/engine/sha256.js';
import type { KvStore } from '#src/core/ports.js';
import { median, percentile } from '#src/bench/statistics/median.js';

const BLOCK_TOKENS = 256;
const FINGERPRINT = 'bench';
/** Small, so that what is measured is the index and the syncing, not the disk's bandwidth. */
const IMAGE_BYTES = 4096;
const BLOCKS_PER_COMMIT = 20;
const CHAIN_BLOCKS = 500; // 128,000 tokens

export interface KvStoreTimes {
  readonly commitMillis: number; // median
  readonly commitMillis95: number;
  readonly commitsPerSecond: number;
  /** Longest the event loop stood still while committing. */
  readonly loopMillis: number;
  readonly openMillis: number; // median
  readonly blocks: number;
  readonly purgeMillis: number; // of one commit's blocks, from among all
}

/** A store in the directory for temporary files: commits of 20 blocks until there are `blocks`, then opened again some times. */
export async function kvStoreTimes(blocks: number, rounds: number): Promise<KvStoreTimes> {
  const root = await mkdtemp(join(tmpdir(), 'semantic-bench-'));
  try {
    let store = await open(join(root, 'kv'));
    const commits: number[] = [];
    const loop = monitorEventLoopDelay({ resolution: 1 });
    let parent = '';
    for (let first = 0; first < blocks; first += BLOCKS_PER_COMMIT) {
      const next = chainOf(first % CHAIN_BLOCKS === 0 ? chainStart(sha256, `${FINGERPRINT} ${first}`) : parent, first);
      parent = next.at(-1)!.hash;
      loop.enable();
      const start = performance.now();
      await commit(store, next, `owner-${first}`);
      commits.push(performance.now() - start);
      loop.disable();
    }
    await store.close();
    const opens: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      store = await open(join(root, 'kv'));
      opens.push(performance.now() - start);
      if (store.status().blocks !== blocks) throw new Error(`wanted ${blocks} blocks, got ${store.status().blocks}`);
      if (round < rounds - 1) await store.close();
    }
    const start = performance.now();
    await store.purge('owner-0');
    const purgeMillis = performance.now() - start;
    await store.close();
    return {
      commitMillis: median(commits),
      commitMillis95: percentile(commits, 0.95),
      commitsPerSecond: (1000 * commits.length) / commits.reduce((sum, millis) => sum + millis, 0),
      loopMillis: loop.max / 1e6,
      openMillis: median(opens),
      blocks,
      purgeMillis,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function open(directory: string): Promise<KvStore> {
  const xxh = await xxhash();
  return openKvStore({
    directory,
    limits: { maxBytes: 0, minFreeBytes: 0, maxBytesPerDay: 0 },
    extentBytes: 8 << 20,
    retrySeconds: 30,
    quarantineBytes: 0,
    compactionShare: 0.5,
    clock: { now: () => Date.now() },
    checksumFile: async (fd, offset, bytes, seed) => {
      const content = new Uint8Array(bytes);
      await promisify(read)(fd, content, 0, bytes, offset);
      return xxh.create64(seed).update(content).digest();
    },
    log: (level, message) => void (level === 'info' || process.stderr.write(`${message}\n`)),
  });
}

function chainOf(start: string, first: number): KvBlock[] {
  const blocks: KvBlock[] = [];
  let parent = start;
  for (let index = first; index < first + BLOCKS_PER_COMMIT; index++) {
    const tokens = Int32Array.from({ length: BLOCK_TOKENS }, (_, i) => index * BLOCK_TOKENS + i);
    const hash = blockHash(sha256, parent, tokens);
    blocks.push({ hash, parent, index, tokens });
    parent = hash;
  }
  return blocks;
}

async function commit(store: KvStore, blocks: readonly KvBlock[], owner: string): Promise<void> {
  const xxh = await xxhash();
  const writer = await store.beginExtent(
    blocks.map((block) => ({ block, kind: 0, bytes: IMAGE_BYTES })),
    FINGERPRINT,
  );
  const content = new Uint8Array(IMAGE_BYTES).fill(7);
  const checksums = writer.places.map(({ offset, seed }) => {
    writeSync(writer.fd, content, 0, IMAGE_BYTES, offset);
    return xxh.create64(seed).update(content).digest();
  });
  await writer.commit(checksums, owner);
}
