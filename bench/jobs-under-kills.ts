/** Jobs through a real daemon and real workers, with kill -9 of either; what came of each is read from the queue's own database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlJobQueue } from '#src/adapters/jobs/sql-job-queue.js';
import { jobListSchema, type JobListBody } from '#src/client/jobs/job-bodies.js';
import type { JobEvent, JobTopic } from '#src/core/domain/job-event.js';
import { BenchDaemon } from './bench-daemon.js';
import { percentile } from '#src/bench/statistics/median.js';
import { BINARY, daemonFlags, type ENGINE, engineOptions, type Flags, type Progress } from './verb.js';

export interface JobsRun {
  readonly submitted: number;
  readonly succeeded: number;
  /** Jobs with exactly one final result. */
  readonly once: number;
  readonly attempts: number;
  readonly workersKilled: number;
  readonly daemonsKilled: number;
  readonly seconds: number;
  readonly engineMs: readonly number[];
  readonly overheadMs: readonly number[];
  /** Of the workers that were there at the end; NaN where none of them had a job. */
  readonly workerP95: number;
}

type JobFlags = Flags &
  typeof ENGINE & { readonly [name in 'jobs' | 'workers' | 'concurrency' | 'tokens' | 'kill-seconds' | 'daemon-seconds']: string };

const LOOK_MS = 250;
const SUBMITTED_AT_ONCE = 32;

export async function runJobs(flags: JobFlags, home: string, progress: Progress): Promise<JobsRun> {
  mkdirSync(home);
  const socket = join(home, 'd.sock');
  const environment = {
    SEMANTIC_HOME: home,
    SEMANTIC_STORE_ENABLED: 'false',
    SEMANTIC_JOBS_WORKERS: '0',
    SEMANTIC_JOBS_LEASE_SECONDS: '2',
    SEMANTIC_JOBS_BACKOFF_SECONDS: '0.1',
    SEMANTIC_JOBS_MAX_ATTEMPTS: '100',
  };
  const start = (): Promise<BenchDaemon> =>
    BenchDaemon.start(BINARY, engineOptions(flags).model, daemonFlags(flags), environment, undefined, socket);
  const workers: BenchWorker[] = [];
  let daemon = await start();
  try {
    const submitted = Number(flags.jobs);
    await submitAll(daemon, submitted, Number(flags.tokens));
    progress(`${submitted} jobs are submitted`);
    const since = performance.now();
    const newWorker = (): void => void workers.push(new BenchWorker(home, socket, flags.concurrency));
    for (let i = 0; i < Number(flags.workers); i++) newWorker();
    const everyWorker = Number(flags['kill-seconds']) * 1000;
    const everyDaemon = Number(flags['daemon-seconds']) * 1000;
    let workersKilled = 0;
    let daemonsKilled = 0;
    let [nextWorker, nextDaemon] = [everyWorker, everyDaemon];
    for (let open = submitted; open > 0;) {
      await sleep(LOOK_MS);
      const at = performance.now() - since;
      if (everyWorker > 0 && at >= nextWorker) {
        const victim = workers.splice(Math.floor(Math.random() * workers.length), 1)[0]!;
        await victim.kill();
        workersKilled += 1;
        newWorker();
        nextWorker = at + everyWorker * (0.5 + Math.random());
      }
      if (everyDaemon > 0 && at >= nextDaemon) {
        await daemon.crash();
        daemon = await start();
        daemonsKilled += 1;
        nextDaemon = performance.now() - since + everyDaemon * (0.5 + Math.random());
      }
      for (const worker of workers.filter(({ isOver }) => isOver)) {
        workers.splice(workers.indexOf(worker), 1);
        newWorker();
      }
      const { queued, running } = (await list(daemon)).tally;
      if (Math.floor(open / 1_000) !== Math.floor((queued + running) / 1_000)) progress(`${queued + running} are open`);
      open = queued + running;
    }
    const seconds = (performance.now() - since) / 1000;
    const overheads = await Promise.all(workers.map((worker) => worker.end()));
    await daemon.stop();
    const outcome = await readOutcome(join(home, 'jobs', 'queue.db'));
    return { ...outcome, submitted, workersKilled, daemonsKilled, seconds, workerP95: percentile(overheads.flat(), 1) };
  } finally {
    for (const worker of workers) await worker.kill();
    await daemon.stop();
  }
}

async function submitAll(daemon: BenchDaemon, count: number, tokens: number): Promise<void> {
  for (let from = 0; from < count; from += SUBMITTED_AT_ONCE) {
    const some = Array.from({ length: Math.min(SUBMITTED_AT_ONCE, count - from) }, async (_, i) => {
      const messages = [{ role: 'user', content: `Say ${from + i}.` }];
      const body = { model: 'gpt-5', messages, max_tokens: tokens, ignore_eos: true, temperature: 0 };
      const reply = await fetch(`${daemon.base}/v1/jobs`, {
        method: 'POST',
        body: JSON.stringify({ endpoint: '/v1/chat/completions', body }),
      });
      if (reply.status !== 201) throw new Error(`wanted 201, got ${reply.status}: ${await reply.text()}`);
      await reply.arrayBuffer();
    });
    await Promise.all(some);
  }
}

async function list(daemon: BenchDaemon): Promise<JobListBody> {
  return jobListSchema.parse(await (await fetch(`${daemon.base}/v1/jobs?limit=1`)).json());
}

async function readOutcome(file: string): Promise<Pick<JobsRun, 'succeeded' | 'once' | 'attempts' | 'engineMs' | 'overheadMs'>> {
  const limits = { maxOpen: 1e9, maxBytes: 2 ** 40, keepMs: 1e12, backoff: { firstMs: 0, mostMs: 0 } };
  const queue = await SqlJobQueue.open({ file, limits, clock: Date, ownWorker: '', leaseMs: 1, onPutAside: () => undefined });
  try {
    const results = new Map<string, number>();
    let succeeded = 0;
    for await (const { job, type } of read(queue, 'slm.responses')) {
      results.set(job, (results.get(job) ?? 0) + 1);
      if (type === 'succeeded') succeeded += 1;
    }
    let attempts = 0;
    const [engineMs, overheadMs]: [number[], number[]] = [[], []];
    for await (const { type, data } of read(queue, 'slm.metrics')) {
      if (type === 'running') attempts += 1;
      else if (typeof data['engine_ms'] === 'number') {
        engineMs.push(data['engine_ms']);
        overheadMs.push(Number(data['overhead_ms']));
      }
    }
    return { succeeded, once: [...results.values()].filter((count) => count === 1).length, attempts, engineMs, overheadMs };
  } finally {
    await queue.close();
  }
}

async function* read(queue: SqlJobQueue, topic: JobTopic): AsyncGenerator<JobEvent, void, undefined> {
  for (let after = 0; ;) {
    const events = await queue.read(topic, after, 5_000);
    yield* events;
    if (events.length === 0) return;
    after = events.at(-1)!.offset;
  }
}

class BenchWorker {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #out = '';

  constructor(home: string, socket: string, concurrency: string) {
    const args = [BINARY, 'worker', '--socket', socket, '--concurrency', concurrency, '--json'];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, SEMANTIC_HOME: home } });
    this.#child.stdout!.on('data', (data: Buffer) => (this.#out += data.toString()));
    this.#closed = once(this.#child, 'close');
  }

  /** One that begins while the daemon is away ends by itself. */
  get isOver(): boolean {
    return this.#child.exitCode !== null;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** p95 of what its jobs took beyond the engine, ms; none where it had no job. */
  async end(): Promise<number[]> {
    this.#child.kill('SIGTERM');
    await this.#closed;
    if (this.#out === '') return []; // it had hardly begun
    const { overheadMs } = JSON.parse(this.#out) as { overheadMs?: { p95: number } | null };
    return overheadMs === null || overheadMs === undefined ? [] : [overheadMs.p95];
  }
}
