import { performance } from 'node:perf_hooks';

import { BlockPool } from '#src/core/domain/block-pool.js';
import { commonPrefix } from '#src/core/domain/common-prefix.js';
import { ModelCacheSpec } from '#src/core/domain/model-cache-spec.js';
import { PrefixIndex } from '#src/core/domain/prefix-index.js';
import { sha256 } from '#src/core/engine/sha256.js';

import { median } from '#src/bench/statistics/median.js';

const BLOCKS = 1000;
const LISTS = 1000;
const TOKENS = 8192;
const SHARED_TOKENS = 4096;

export interface KvDomainTimes {
  readonly allocate: number;
  readonly free: number;
  readonly add: number;
  readonly find: number;
  readonly scan: number;
}

/** Median milliseconds of the bookkeeping of KV memory: 1,000 blocks taken and given back, a prompt looked up among 1,000. */
export function kvDomainTimes(rounds: number): KvDomainTimes {
  return { ...poolTimes(rounds), ...indexTimes(rounds) };
}

function poolTimes(rounds: number): { allocate: number; free: number } {
  const layers = [null, 1024].map((window) => ({ kvHeads: 8, headDim: 128, window }));
  const spec = new ModelCacheSpec(layers, 'f16');
  const allocate: number[] = [];
  const free: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const pool = new BlockPool(spec, { bytes: spec.bytesOf([BLOCKS, BLOCKS]) });
    const lease = timed(allocate, () => pool.allocate([BLOCKS / 2, BLOCKS / 2]));
    timed(free, () => pool.free(lease));
    pool.checkIntegrity();
  }
  return { allocate: median(allocate), free: median(free) };
}

/** Prompts of 8,192 tokens; they share the first 4,096 and differ from there. */
function indexTimes(rounds: number): { add: number; find: number; scan: number } {
  const lists = Array.from({ length: LISTS }, (_, n) => Int32Array.from({ length: TOKENS }, (__, i) => (i < SHARED_TOKENS ? i : i + n)));
  const index = new PrefixIndex('bench', sha256);
  const add: number[] = [];
  const find: number[] = [];
  const scan: number[] = [];
  for (const [id, tokens] of lists.entries()) timed(add, () => index.add(id, '', tokens));
  for (let i = 0; i < rounds; i++) {
    const wanted = lists[(i * 37) % LISTS]!.subarray(0, TOKENS - 1);
    const found = timed(find, () => index.matches('', wanted).next().value);
    const most = timed(scan, () => Math.max(...lists.map((tokens) => commonPrefix(tokens, wanted))));
    if (found?.sharedTokens !== most) throw new Error(`the index found ${found?.sharedTokens} tokens, a scan ${most}`);
  }
  return { add: median(add), find: median(find), scan: median(scan) };
}

function timed<T>(samples: number[], work: () => T): T {
  const start = performance.now();
  const result = work();
  samples.push(performance.now() - start);
  return result;
}
