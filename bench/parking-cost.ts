/** What storing one conversation costs another one that is being answered meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openKvStore } from '#src/adapters/kv-store/open-kv-store.js';
import { BlockPool } from '#src/core/domain/block-pool.js';
import { kvLayersOf, ModelCacheSpec } from '#src/core/domain/model-cache-spec.js';
import { GREEDY } from '#src/core/domain/sampling.js';
import { KvParking } from '#src/core/engine/kv-parking.js';
import { median } from '#src/bench/statistics/median.js';
import { openModel, prefill, type OursOptions } from './ours.js';

const MB = 2 ** 20;

export interface ParkingCost {
  readonly storedBytes: number;
  /** Tokens per second of the running sequence, alone and while the other is stored once. */
  readonly alone: number;
  readonly meanwhile: number;
  /** Wall time of storing, milliseconds. */
  readonly storeMillis: number;
}

/** `steps` tokens are decoded per measurement; a conversation of `tokens` tokens is stored from the first of them on. Medians of pairs. */
export async function parkingCost(options: OursOptions, tokens: number, steps: number, rounds: number): Promise<ParkingCost> {
  const { native, runner, spec } = await openModel(options);
  const directory = mkdtempSync(join(tmpdir(), 'semantic-bench-'));
  const cache = new ModelCacheSpec(kvLayersOf(spec), options.kvFormat);
  const pool = new BlockPool(cache, { bytes: 4096 * MB });
  const runs: { alone: number; meanwhile: number; storeMillis: number }[] = [];
  let storedBytes = 0;
  try {
    const conversation = await runner.createSequence(GREEDY);
    await prefill(runner, conversation, tokens);
    for (let round = 0; round < rounds; round++) {
      const store = await openKvStore({
        directory: join(directory, `${round}`),
        limits: { maxBytes: 8192 * MB, minFreeBytes: 0, maxBytesPerDay: 0 },
        extentBytes: 64 * MB,
        retrySeconds: 1,
        quarantineBytes: MB,
        compactionShare: 0.5,
        clock: { now: () => Date.now() },
        checksumFile: (fd, offset, bytes, seed) => runner.checksumFile(fd, offset, bytes, seed),
        log: () => undefined,
      });
      const limits = { extentBytes: 64 * MB, minPersistTokens: 1, minRestoreTokens: 1, shareAcrossKeys: false };
      const parking = new KvParking({ runner, store, cache, pool, fingerprint: `${round}`, limits });
      const rate = async (): Promise<number> => {
        const sequence = await runner.createSequence(GREEDY);
        await prefill(runner, sequence, 64);
        const start = performance.now();
        let token = 1;
        for (let i = 0; i < steps; i++) {
          const { samples } = await runner.step({ entries: [{ sequence, tokens: Int32Array.of(token), sample: true }] });
          token = samples[0]!.token;
        }
        const perSecond = (steps * 1000) / (performance.now() - start);
        await runner.dropSequence(sequence);
        return perSecond;
      };
      const alone = await rate();
      const start = performance.now();
      const ids = Int32Array.from({ length: tokens }, (_, i) => i % 97);
      const { done } = await parking.park({ sequence: conversation, lease: pool.allocate([]), tokens: ids, scope: '', owner: null });
      let storeMillis = 0;
      void done.then((bytes) => {
        storedBytes = bytes;
        storeMillis = performance.now() - start;
      });
      const meanwhile = await rate();
      await done;
      runs.push({ alone, meanwhile, storeMillis });
      await store.close();
    }
  } finally {
    await native.close();
    rmSync(directory, { recursive: true, force: true });
  }
  const middle = (of: (run: (typeof runs)[number]) => number): number => median(runs.map(of));
  return {
    storedBytes,
    alone: middle(({ alone }) => alone),
    meanwhile: middle(({ alone, meanwhile }) => meanwhile / alone) * middle(({ alone }) => alone),
    storeMillis: middle(({ storeMillis }) => storeMillis),
  };
}
