/** KV to disk and back on real sequences: what is restored, to whatever length, gives the bits of a sequence that was never away. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NativeEngine } from '../../../src/adapters/mlx/native-engine.js';
import type { NativeRunner } from '../../../src/adapters/mlx/native-runner.js';
import { openKvStore } from '../../../src/adapters/kv-store/open-kv-store.js';
import { BlockPool } from '../../../src/core/domain/block-pool.js';
import type { Checkpoint } from '../../../src/core/domain/checkpoint.js';
import { kvLayersOf, ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import type { RequestStage } from '../../../src/core/domain/request-stage.js';
import type { TraceParent } from '../../../src/core/domain/trace-parent.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import { KvParking } from '../../../src/core/engine/kv-parking.js';
import { type EngineObserver, type KvStore, NO_OBSERVER } from '../../../src/core/ports.js';
import { tinyModel, tinyTokens } from '../../native/support/tiny-model.js';
import { openEngine } from '../../parity/engines.js';

const MB = 2 ** 20;
const CHUNK = 256; // the mlx executor gives the same bits only for the same chunking
const conversation = tinyTokens(1400);
const otherwise = tinyTokens(64, 99);

interface Parked {
  readonly runner: NativeRunner;
  readonly native: NativeEngine;
  readonly store: KvStore;
  readonly parking: KvParking;
  readonly directory: string;
  readonly pool: BlockPool;
  /** Told of requests that are followed. */
  readonly stages: RequestStage[];
  close(): Promise<void>;
}

async function open(executor: 'mlx' | 'cpu', window: number | null, maxBytes = 100 * MB): Promise<Parked> {
  const { spec, file } = tinyModel({ window });
  const native = openEngine(executor, { kvFormat: 'f16' });
  const runner = await native.load({ files: [file] } as unknown as Checkpoint, spec);
  const directory = mkdtempSync(join(tmpdir(), 'semantic-parking-'));
  const store = await openKvStore({
    directory,
    limits: { maxBytes, minFreeBytes: 0, maxBytesPerDay: 1000 * MB },
    extentBytes: MB,
    retrySeconds: 1,
    quarantineBytes: MB,
    compactionShare: 0.5,
    clock: { now: () => Date.now() },
    checksumFile: (fd, offset, bytes, seed) => runner.checksumFile(fd, offset, bytes, seed),
    log: () => undefined,
  });
  const cache = new ModelCacheSpec(kvLayersOf(spec), 'f16');
  const pool = new BlockPool(cache, { bytes: 100 * MB });
  const limits = { extentBytes: MB / 8, minPersistTokens: 1, minRestoreTokens: 1, shareAcrossKeys: false };
  const stages: RequestStage[] = [];
  const observer: EngineObserver = { ...NO_OBSERVER, stage: (stage) => stages.push(stage) };
  const parking = new KvParking({ runner, store, cache, pool, fingerprint: `${executor} ${window}`, limits, observer });
  return {
    runner,
    native,
    store,
    parking,
    directory,
    pool,
    stages,
    async close() {
      await parking.flush();
      await store.close();
      await native.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function feed(runner: NativeRunner, sequence: number, tokens: Int32Array, from = 0): Promise<void> {
  for (let at = from; at < tokens.length; at += CHUNK) {
    await runner.step({ entries: [{ sequence, tokens: tokens.subarray(at, at + CHUNK), sample: false }] });
  }
}

/** Of the bits of the logits of some more tokens. */
async function continuation(runner: NativeRunner, sequence: number): Promise<string> {
  const logits = [
    await runner.scoreTokens(sequence, otherwise.subarray(0, 9)),
    await runner.scoreTokens(sequence, otherwise.subarray(9, 10)),
  ];
  return createHash('sha256').update(logits[0]!).update(logits[1]!).digest('hex');
}

/** Runs a conversation of `length` tokens and stores it. */
async function parkConversation(
  { runner, parking, pool }: Parked,
  length: number,
  owner: string | null = null,
  trace?: TraceParent,
): Promise<number> {
  const tokens = conversation.subarray(0, length);
  const sequence = await runner.createSequence(GREEDY);
  await feed(runner, sequence, tokens);
  const lease = pool.allocate([]);
  const { done } = await parking.park({ sequence, lease, tokens, scope: 'key', owner, ...(trace === undefined ? {} : { trace }) });
  await runner.dropSequence(sequence); // it is held
  const bytes = await done;
  pool.free(lease);
  return bytes;
}

describe.each([
  { executor: 'cpu', window: null },
  { executor: 'cpu', window: 300 },
  { executor: 'mlx', window: null },
  { executor: 'mlx', window: 300 },
] as const)('parking on the $executor executor, window $window', ({ executor, window }) => {
  let parked: Parked;
  beforeAll(async () => {
    parked = await open(executor, window);
    for (const length of [500, 900, 1100]) await parkConversation(parked, length);
  });
  afterAll(() => parked.close());

  test('a sequence that is dropped, and its lease freed, while it is taken hold of is stored', async () => {
    const { runner, parking, pool } = parked;
    const tokens = tinyTokens(300, 7);
    const sequence = await runner.createSequence(GREEDY);
    await feed(runner, sequence, tokens);
    const lease = pool.allocate([]);
    const held = parking.park({ sequence, lease, tokens, scope: 'key', owner: null });
    pool.free(lease);
    const dropped = runner.dropSequence(sequence);
    expect(await (await held).done).toBeGreaterThan(0);
    await dropped;
    expect([...parking.leases()]).toEqual([]);
    expect(pool.counts().usedBytes).toBe(0);
  });

  test('a sequence that cannot be held leaves no lease behind', async () => {
    const { runner, parking, pool } = parked;
    const lease = pool.allocate([]);
    const tokens = tinyTokens(300, 8);
    const gone = await runner.createSequence(GREEDY);
    await runner.dropSequence(gone);
    await expect(parking.park({ sequence: gone, lease, tokens, scope: 'key', owner: null })).rejects.toThrow(/sequence/);
    expect([...parking.leases()]).toEqual([]);
    pool.free(lease);
  });

  async function restored(prompt: Int32Array): Promise<{ sequence: number; tokens: number } | null> {
    const plan = parked.parking.plan(prompt, 'key', 0);
    if (plan === null) return null;
    const sequence = await parked.runner.createSequence(GREEDY);
    expect(await parked.parking.restore(sequence, plan)).toBe(true);
    return { sequence, tokens: plan.tokens };
  }

  test('the end of every turn is restored whole, and gives the bits of one that was never away', async () => {
    for (const length of [500, 900, 1100]) {
      const tokens = conversation.subarray(0, length);
      const back = await restored(Int32Array.of(...tokens, otherwise[0]!));
      expect(back?.tokens).toBe(length);
      const resident = await parked.runner.createSequence(GREEDY);
      await feed(parked.runner, resident, tokens);
      expect(await continuation(parked.runner, back!.sequence)).toBe(await continuation(parked.runner, resident));
      for (const sequence of [back!.sequence, resident]) await parked.runner.dropSequence(sequence);
    }
  });

  test('a prompt that leaves the conversation anywhere gets all that can be had, and the right bits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1100 }), async (cut) => {
        const prompt = Int32Array.of(
          ...conversation.subarray(0, cut),
          ...otherwise.map((id) => (id === conversation[cut] ? (id + 1) % 320 : id)),
        );
        const back = await restored(prompt);
        // Layers that see all are cut to the token; a windowed one needs the blocks of its window at that place.
        if (window === null) expect(back?.tokens).toBe(cut);
        if (back === null) return;
        expect(back.tokens).toBeLessThanOrEqual(cut);
        if (executor === 'cpu') {
          const resident = await parked.runner.createSequence(GREEDY);
          await feed(parked.runner, resident, prompt.subarray(0, back.tokens));
          expect(await continuation(parked.runner, back.sequence)).toBe(await continuation(parked.runner, resident));
          await parked.runner.dropSequence(resident);
        }
        await parked.runner.dropSequence(back.sequence);
      }),
      { numRuns: 25, examples: [[256], [255], [257], [512], [499], [500], [501], [900], [899], [768], [1023]] },
    );
    expect(parked.native.stats()).toMatchObject({ sequences: 0, kvBytes: 0 });
  });

  test('nothing is found for another key', () => {
    expect(parked.parking.plan(conversation, 'other key', 0)).toBeNull();
  });
});

test('a turn writes only its new blocks, and what two conversations share is stored once', async () => {
  const parked = await open('cpu', null);
  const { runner } = parked;
  const block = runner.kvImageBytes(256, Int32Array.of(0, 1));
  expect(await parkConversation(parked, 512, 'a')).toBe(2 * block);
  expect(await parkConversation(parked, 1024, 'a')).toBe(2 * block);
  expect(await parkConversation(parked, 1024, 'b')).toBe(0);
  expect(parked.store.status()).toMatchObject({ blocks: 4, bytes: 4 * block, ownedBytes: 8 * block });
  await parked.close();
});

test('a last block that is stored again with more tokens stands for what was stored of it before', async () => {
  const parked = await open('cpu', null);
  const bytesOf = (tokens: number): number => parked.runner.kvImageBytes(tokens, Int32Array.of(0, 1));
  for (const length of [300, 350, 400, 600]) await parkConversation(parked, length, 'a');
  expect(parked.store.status()).toMatchObject({ blocks: 3, bytes: 2 * bytesOf(256) + bytesOf(600 - 512) });
  await parkConversation(parked, 650, 'b');
  expect(parked.store.status()).toMatchObject({ blocks: 4 }); // the end that 'a' uses stays
  expect(parked.parking.plan(conversation.subarray(0, 360), 'key', 0)?.tokens).toBe(359);
  await parked.close();
});

test('a damaged image is put aside, and what is left of the chain is restored', async () => {
  const parked = await open('cpu', null);
  await parkConversation(parked, 1024);
  const extents = join(parked.directory, 'extents');
  const [last] = readdirSync(extents).sort().slice(-1);
  const file = readFileSync(join(extents, last!));
  file[file.length - 5000]! ^= 1;
  writeFileSync(join(extents, last!), file);
  const prompt = Int32Array.of(...conversation.subarray(0, 1024), 5);
  const whole = parked.parking.plan(prompt, 'key', 0)!;
  expect(whole.tokens).toBe(1024);
  const sequence = await parked.runner.createSequence(GREEDY);
  expect(await parked.parking.restore(sequence, whole)).toBe(false);
  expect(parked.store.status().quarantined).toBe(1);
  const rest = parked.parking.plan(prompt, 'key', 0)!;
  expect(rest.tokens).toBeLessThan(1024);
  expect(await parked.parking.restore(sequence, rest)).toBe(true);
  const resident = await parked.runner.createSequence(GREEDY);
  await feed(parked.runner, resident, conversation.subarray(0, rest.tokens));
  expect(await continuation(parked.runner, sequence)).toBe(await continuation(parked.runner, resident));
  await parked.close();
});

test('a sequence that goes on, is cut and dropped while it is written is stored as it was', async () => {
  const parked = await open('cpu', null);
  const { parking, pool, runner } = parked;
  const tokens = conversation.subarray(0, 700);
  const sequence = await runner.createSequence(GREEDY);
  await feed(runner, sequence, tokens);
  const lease = pool.allocate([3, 0]);
  const { done } = await parking.park({ sequence, lease, tokens, scope: 'key', owner: null });
  await runner.truncateSequence(sequence, 600);
  await runner.step({ entries: [{ sequence, tokens: otherwise, sample: false }] });
  await runner.dropSequence(sequence);
  pool.free(lease);
  await done;
  expect(pool.counts().usedBytes).toBe(0);
  const plan = parking.plan(Int32Array.of(...tokens, 5), 'key', 0)!;
  expect(plan.tokens).toBe(700);
  const back = await runner.createSequence(GREEDY);
  expect(await parking.restore(back, plan)).toBe(true);
  const resident = await runner.createSequence(GREEDY);
  await feed(runner, resident, tokens);
  expect(await continuation(runner, back)).toBe(await continuation(runner, resident));
  await parked.close();
});

describe('a request that is followed', () => {
  const trace: TraceParent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), epochMs: 0 };

  test('is told that its KV was written, whose it is and how much, and one that is not is told nothing', async () => {
    const parked = await open('cpu', null);
    await parkConversation(parked, 300);
    expect(parked.stages).toEqual([]);
    const bytes = await parkConversation(parked, 900, 'agent/ada', trace);
    const what = { trace, name: 'persist', generation: null, agent: 'ada', counts: { bytes }, outcome: 'ok', reason: null };
    expect(parked.stages).toEqual([{ ...what, startMs: expect.any(Number), endMs: expect.any(Number) }]);
    expect(bytes).toBeGreaterThan(0);
    await parked.close();
  });

  test('is told that it could not be written, where the disk refuses it', async () => {
    const parked = await open('cpu', null, 1);
    await expect(parkConversation(parked, 900, 'agent/ada', trace)).rejects.toThrow('[kv_store.begin] wanted');
    expect(parked.stages).toEqual([expect.objectContaining({ name: 'persist', outcome: 'CachePersistence', counts: {} })]);
    await parked.close();
  });
});
