/**
 * npm run soak -- [seconds] [--agents n] [--seed n] [--model name] [--threads n]. Agents with turns of random lengths, pauses, forks and
 * cancelled answers on the real daemon. Exit code 1 when an answer fails, counters disagree, anything is left at the end, or memory grows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { BenchDaemon } from './bench-daemon.js';
import { growthOf, isBeyondNoise } from './soak/growth.js';
import { soak, type SoakResult, type SoakSample } from './soak/soak.js';
import { figure, markdown, type Table, table } from './table.js';
import { BINARY, daemonFlags, ENGINE } from './verb.js';

const SAMPLE_MILLIS = 5_000;
const MB = 1e6;
const LENGTHS = { input: 120, answer: 64, pauseMillis: 500, life: 1_500 };

/** Small enough that KV is evicted, and old prompts forgotten, long before the second half. */
const SETTINGS = {
  SEMANTIC_CACHE_BUDGET_MB: '128',
  SEMANTIC_CACHE_MAX_HISTORIES: '64',
  SEMANTIC_STORE_MAX_MB: '256',
  SEMANTIC_STORE_MIN_FREE_MB: '0',
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    model: { type: 'string', default: ENGINE.model },
    threads: { type: 'string', default: ENGINE.threads },
  },
});
const seconds = Number(positionals[0] ?? '600');
const agents = Number(values.agents);
const directory = mkdtempSync(join(tmpdir(), 'semantic-soak-'));
const daemon = await BenchDaemon.start(BINARY, values.model, daemonFlags({ ...ENGINE, ...values }), {
  ...SETTINGS,
  SEMANTIC_STORE_DIRECTORY: directory,
  SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: `${agents}`,
});
try {
  const end = Date.now() + seconds * 1000;
  const result = await soak({
    base: daemon.base,
    agents,
    seed: Number(values.seed),
    lengths: LENGTHS,
    isOver: () => Date.now() > end,
    sampleMillis: SAMPLE_MILLIS,
    onSample: (sample) => void process.stderr.write(`${progress(sample)}\n`),
  });
  const failures = [...result.failures, ...memoryFailure(result)];
  process.stdout.write(`${markdown(figures(result))}\n`);
  for (const failure of failures) process.stderr.write(`soak: ${failure}\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await daemon.stop();
  rmSync(directory, { recursive: true, force: true });
}

function progress({ seconds: at, bytes, status, scheduler }: SoakSample): string {
  const { queue, totals, rates } = scheduler;
  return [
    `${at.toFixed(0)} s`,
    `RSS ${figure(bytes / MB)} MB`,
    `KV ${figure(status.native.kvBytes / MB)} MB`,
    `pool ${figure(status.engine.kv.usedBytes / MB)} MB`,
    `sequences ${status.native.sequences}`,
    `running ${queue.running}, waiting ${queue.waiting}`,
    `finished ${totals.requests.finished}, cancelled ${totals.requests.cancelled}, failed ${totals.requests.failed}`,
    `tokens ${totals.tokens.generated}`,
    `${figure(rates.decode_tokens_per_second)} tok/s`,
  ].join('  ');
}

function memoryFailure({ samples }: SoakResult): string[] {
  const growth = growthOf(samples);
  if (isBeyondNoise(growth) !== true) return [];
  return [`RSS grew by ${figure(growth.bytes / MB)} MB over the second half, its noise is ${figure(growth.noiseBytes / MB)} MB`];
}

function figures({ tally, totals, samples, failures }: SoakResult): Table {
  const growth = growthOf(samples);
  const judged = isBeyondNoise(growth);
  return table(
    [`soak: ${agents} agents for ${seconds} s, seed ${values.seed}`, ''],
    [
      ['requests finished, cancelled, failed', `${totals.requests.finished}, ${totals.requests.cancelled}, ${totals.requests.failed}`],
      ['preempted', `${totals.requests.preempted}`],
      ['forks', `${tally.forks}`],
      ['tokens read, of them from the cache', `${totals.tokens.prompt}, ${totals.tokens.cached + totals.tokens.restored}`],
      ['tokens written', `${totals.tokens.generated}`],
      ['mean RSS of the second half', `${figure(growth.meanBytes / MB)} MB`],
      ['its growth over the second half', `${figure(growth.bytes / MB)} MB${judged === null ? ' (too few samples to judge)' : ''}`],
      ['standard deviation about that line', `${figure(growth.noiseBytes / MB)} MB`],
      ['wrong', failures.length === 0 ? 'nothing' : `${failures.length} things`],
    ],
  );
}
