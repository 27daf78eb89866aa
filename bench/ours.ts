import { performance } from 'node:perf_hooks';

import type { NativeRunner } from '#src/adapters/mlx/native-runner.js';
import { openModel, type OpenedModel, type OursOptions } from '#src/bench/quality/open-model.js';
import { GREEDY } from '#src/core/domain/sampling.js';

import type { Contender, Workload } from './workload.js';

export { openModel, type OpenedModel, type OursOptions };

const CHUNK_TOKENS = 512; // engine.prefill_chunk_tokens of config/default.toml

/** `semantic`'s engine over its addon: one awaited step per decode step, as the daemon drives it. */
export async function ours(options: OursOptions): Promise<Contender> {
  const { native, runner } = await openModel(options);
  return {
    name: `semantic (${options.executor}, kv ${options.kvFormat}, ${options.compute})`,
    run: (workload) => runWorkload(runner, workload),
    async close() {
      await runner.unload();
      await native.close();
    },
  };
}

async function runWorkload(runner: NativeRunner, w: Workload): Promise<number> {
  const sequences: number[] = [];
  for (let i = 0; i < w.sequences; i++) sequences.push(await runner.createSequence(GREEDY));
  try {
    for (const sequence of sequences) await prefill(runner, sequence, Math.max(1, w.depth));
    const start = performance.now();
    if (w.kind === 'prefill') {
      for (const sequence of sequences) await prefill(runner, sequence, w.tokens);
    } else {
      await decode(runner, sequences, w.tokens);
    }
    return (w.tokens * w.sequences * 1000) / (performance.now() - start);
  } finally {
    for (const sequence of sequences) await runner.dropSequence(sequence);
  }
}

/** Appends `tokens` arbitrary tokens in chunks as the daemon's. */
export async function prefill(runner: NativeRunner, sequence: number, tokens: number): Promise<void> {
  for (let done = 0; done < tokens; done += CHUNK_TOKENS) {
    const count = Math.min(CHUNK_TOKENS, tokens - done);
    const chunk = Int32Array.from({ length: count }, (_, i) => ((done + i) * 37 + 11) % runner.vocabSize);
    await runner.step({ entries: [{ sequence, tokens: chunk, sample: done + count === tokens }] });
  }
}

/** Greedy decode of `steps` tokens on every sequence, one step of the whole batch at a time. */
export async function decode(runner: NativeRunner, sequences: readonly number[], steps: number): Promise<void> {
  let last = sequences.map(() => 1);
  for (let i = 0; i < steps; i++) {
    const entries = sequences.map((sequence, j) => ({ sequence, tokens: Int32Array.of(last[j]!), sample: true }));
    const { samples } = await runner.step({ entries });
    last = samples.map((sample) => sample!.token);
  }
}
