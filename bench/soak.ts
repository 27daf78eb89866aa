/**
 * npm run soak -- [seconds] [--minutes n] [--agents n] [--seed n] [--model name] [--threads n] [--pause-ms n]
 * [--other name --swap-every s] [--kill-every s].
 * Agents with turns of random lengths, pauses, forks and cancelled answers on the real daemon; where it is asked for, its model is exchanged for
 * the other one and back, and it is killed and started again, meanwhile. Exit code 1 when an answer fails, counters disagree, anything is left at
 * the end, memory or descriptors grow, or the log has an error.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { BenchDaemon } from './bench-daemon.js';
import { ResidencyClientHttp } from './residency-http.js';
import { growthOf, isBeyondNoise, type Sample } from './soak/growth.js';
import { logErrors } from './soak/log-errors.js';
import { PatientWire } from './soak/patient-wire.js';
import { soak, type SoakResult, type SoakSample } from './soak/soak.js';
import { SoakWire } from './soak/soak-wire.js';
import { befall, type Befallen } from './soak/troubles.js';
import { figure, markdown, type Table, table } from './table.js';
import { BINARY, daemonFlags, ENGINE } from './verb.js';

const SAMPLE_MILLIS = 5_000;
const MB = 1e6;
const LENGTHS = { input: 120, answer: 64, life: 1_500 };

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
    minutes: { type: 'string' },
    'pause-ms': { type: 'string', default: '500' },
    other: { type: 'string', default: '' },
    'swap-every': { type: 'string', default: '0' },
    'kill-every': { type: 'string', default: '0' },
  },
});
const seconds = values.minutes === undefined ? Number(positionals[0] ?? '600') : 60 * Number(values.minutes);
const agents = Number(values.agents);
const [swapSeconds, killSeconds] = [Number(values['swap-every']), Number(values['kill-every'])];
if (swapSeconds > 0 && values.other === '') throw new Error('--swap-every wants --other: the name of a second installed model');
const isTroubled = swapSeconds > 0 || killSeconds > 0;
const directory = mkdtempSync(join(tmpdir(), 'semantic-soak-'));
const log = join(directory, 'serve.log');

let daemon = await start();
let life = 0;
const trouble = new AbortController();
try {
  const end = Date.now() + seconds * 1000;
  const wire = isTroubled ? new PatientWire(daemon.base) : new SoakWire(daemon.base);
  const befalling = befall({ swapSeconds, killSeconds, swap, kill }, trouble.signal);
  befalling.catch(() => trouble.abort()); // told below
  const result = await soak({
    wire,
    agents,
    seed: Number(values.seed),
    lengths: { ...LENGTHS, pauseMillis: Number(values['pause-ms']) },
    isTroubled,
    isOver: () => {
      if (Date.now() > end) trouble.abort(); // what is let go of at the end is looked at in peace
      return trouble.signal.aborted;
    },
    process: () => ({ life, descriptors: daemon.descriptors() }),
    sampleMillis: SAMPLE_MILLIS,
    onSample: (sample) => void process.stderr.write(`${progress(sample)}\n`),
  });
  trouble.abort(); // also where the agents ended for another reason
  const befallen = await befalling;
  const files = [log, `${log}.1`].filter((file) => existsSync(file));
  const failures = [...result.failures, ...growthFailures(result), ...logErrors(files)];
  const interrupted = wire instanceof PatientWire ? wire.interrupted : 0;
  process.stdout.write(`${markdown(figures({ ...result, failures }, befallen, interrupted))}\n`);
  for (const failure of failures) process.stderr.write(`soak: ${failure}\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await daemon.stop();
  rmSync(directory, { recursive: true, force: true });
}

function start(port?: number): Promise<BenchDaemon> {
  const environment = {
    ...SETTINGS,
    SEMANTIC_STORE_DIRECTORY: join(directory, 'kv'),
    SEMANTIC_LOG_FILE: log,
    SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: `${agents}`,
  };
  return BenchDaemon.start(BINARY, values.model, daemonFlags({ ...ENGINE, ...values }), environment, port);
}

async function kill(): Promise<void> {
  await daemon.crash();
  daemon = await start(Number(new URL(daemon.base).port));
  life += 1;
}

async function swap(): Promise<boolean> {
  try {
    const { engine } = await daemon.status();
    await new ResidencyClientHttp(daemon.base).swap(engine.model === values.model ? values.other : values.model);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false; // the daemon closed a connection that was idle in the moment it was used
    throw error;
  }
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

function growthFailures({ samples }: SoakResult): string[] {
  const of = (what: string, unit: string, divisor: number, count: (sample: SoakResult['samples'][number]) => number): string[] => {
    const growth = growthOf(samples.map((sample): Sample => ({ seconds: sample.seconds, bytes: count(sample) })));
    if (isBeyondNoise(growth) !== true) return [];
    const [grown, noise] = [figure(growth.bytes / divisor), figure(growth.noiseBytes / divisor)];
    return [`${what} grew by ${grown}${unit} over the second half, their noise is ${noise}${unit}`];
  };
  return [...of('resident bytes', ' MB', MB, ({ bytes }) => bytes), ...of('descriptors', '', 1, ({ descriptors }) => descriptors)];
}

function figures({ tally, totals, samples, failures }: SoakResult, { swaps, kills }: Befallen, interrupted: number): Table {
  const growth = growthOf(samples);
  const judged = isBeyondNoise(growth);
  const descriptors = samples.map((sample) => sample.descriptors);
  const rows: readonly (readonly [string, string])[] = [
    ...(isTroubled
      ? ([
          ['exchanges of models, kill -9', `${swaps}, ${kills}`],
          ['requests they ended, sent again', `${interrupted}`],
          ['answers that came whole, streams that were left', `${tally.turns + tally.streamed}, ${tally.abandoned}`],
        ] as const)
      : ([
          ['requests finished, cancelled, failed', `${totals.requests.finished}, ${totals.requests.cancelled}, ${totals.requests.failed}`],
          ['preempted', `${totals.requests.preempted}`],
          ['tokens read, of them from the cache', `${totals.tokens.prompt}, ${totals.tokens.cached + totals.tokens.restored}`],
          ['tokens written', `${totals.tokens.generated}`],
        ] as const)),
    ['forks', `${tally.forks}`],
    ['mean RSS of the second half', `${figure(growth.meanBytes / MB)} MB`],
    ['its growth over the second half', `${figure(growth.bytes / MB)} MB${judged === null ? ' (too few samples to judge)' : ''}`],
    ['standard deviation about that line', `${figure(growth.noiseBytes / MB)} MB`],
    ['descriptors, least and most', `${Math.min(...descriptors)}, ${Math.max(...descriptors)}`],
    ['wrong', failures.length === 0 ? 'nothing' : `${failures.length} things`],
  ];
  return table(
    [`soak: ${agents} agents for ${seconds} s, seed ${values.seed}${kills > 0 ? '; memory of the last process' : ''}`, ''],
    rows,
  );
}
