/** Leases jobs one after the other, runs their requests, and says what came of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SemanticError } from '../../core/domain/errors.js';
import { isAbsent } from './daemon-source.js';
import type { Failure, JobSource, WorkersJob } from './job-source.js';
import type { RequestRunner, RouteAnswer } from './run-request.js';

export interface WorkerOptions {
  readonly source: JobSource;
  readonly runner: Pick<RequestRunner, 'run'>;
  /** Ends when no job waits or runs anywhere. */
  readonly untilEmpty: boolean;
  /** Told when something is odd: a lease that was lost, a daemon that is away. */
  readonly note: (text: string) => void;
}

export interface WorkerReport {
  readonly succeeded: number;
  readonly failed: number;
  /** Leases that were lost, and jobs that were given back. */
  readonly left: number;
  /** Of each job that succeeded: milliseconds from when its lease was answered to when its result was taken, beyond the engine's own. */
  readonly overheadMs: readonly number[];
}

/** Between attempts to reach a daemon that is away. */
const AWAY_MS = 200;
/** Of the time of a lease, after which it is renewed. */
const RENEWED_AFTER = 1 / 5;
/** Of a daemon that is too busy and does not say for how long. */
const BUSY_MS = 1_000;

export class JobWorker {
  #succeeded = 0;
  #failed = 0;
  #left = 0;
  readonly #overheadMs: number[] = [];
  readonly #stopped = new AbortController();
  readonly #hurried = new AbortController();

  constructor(private readonly options: WorkerOptions) {}

  /** Resolves when it was stopped, or, with `untilEmpty`, when nothing is left to do. */
  async run(): Promise<WorkerReport> {
    const { source, untilEmpty } = this.options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const leased = await this.#patiently(() => source.lease(signal));
      if (leased === null) break;
      for (const job of leased.jobs) await this.#work(job);
      if (untilEmpty && leased.open === 0) break;
    }
    return { succeeded: this.#succeeded, failed: this.#failed, left: this.#left, overheadMs: this.#overheadMs };
  }

  /** Takes no other job; the one it has is run to its end. */
  stop(): void {
    this.#stopped.abort();
  }

  /** The job it has is given back now. */
  hurry(): void {
    this.#stopped.abort();
    this.#hurried.abort();
  }

  async #work(job: WorkersJob): Promise<void> {
    const since = performance.now();
    const lost = new AbortController();
    const over = new AbortController();
    void this.options.source.ended?.(job, over.signal).then(() => lost.abort());
    const renewing = setInterval(() => void this.#renew(job, lost), Math.max(20, job.leaseMs * RENEWED_AFTER));
    try {
      const answer = await this.options.runner.run(job, AbortSignal.any([lost.signal, this.#hurried.signal]));
      await this.#report(job, answer);
      if (answer.engineMs !== null && answer.status < 300) this.#overheadMs.push(performance.now() - since - answer.engineMs);
    } catch (error) {
      if (lost.signal.aborted || isLost(error)) this.#leave(job, "it is another one's now, or was ended");
      else await this.#giveBack(job, error);
    } finally {
      clearInterval(renewing);
      over.abort();
    }
  }

  async #report(job: WorkersJob, answer: RouteAnswer): Promise<void> {
    const { source } = this.options;
    const { status, body, engineMs } = answer;
    if (status >= 200 && status < 300) {
      await this.#patiently(() => source.complete(job, { status, body }, engineMs), true);
      this.#succeeded += 1;
      return;
    }
    const failure = failureOf(answer);
    await this.#patiently(() => source.fail(job, failure), true);
    if (failure.retry === 'free') this.#left += 1;
    else this.#failed += 1;
  }

  /** There is no answer, or none that could be told. An attempt that was under way counts: it may be what broke the daemon. */
  async #giveBack(job: WorkersJob, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const retry = this.#hurried.signal.aborted || isUntried(error) ? 'free' : 'later';
    const failure: Failure = { code: 'left', message: `its worker had to leave it: ${message}`, retry, delayMs: 0, answer: null };
    try {
      await this.#patiently(() => this.options.source.fail(job, failure), !this.#hurried.signal.aborted);
      this.#leave(job, message);
    } catch (thrown) {
      this.#leave(job, (thrown as Error).message); // its lease will run out
    }
  }

  #leave(job: WorkersJob, why: string): void {
    this.#left += 1;
    this.options.note(`${job.id} was left: ${why}`);
  }

  async #renew(job: WorkersJob, lost: AbortController): Promise<void> {
    try {
      await this.options.source.renew(job);
    } catch (error) {
      if (isLost(error)) lost.abort();
      // else the daemon may come again before the lease runs out
    }
  }

  /** Tries again while the daemon is away. Null where it was stopped meanwhile and nothing is owed: `isOwed` is told to the end. */
  async #patiently<T>(ask: () => Promise<T>, isOwed = false): Promise<T | null> {
    let isTold = false;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!isAbsent(error) || this.#hurried.signal.aborted) throw error;
        if (!isOwed && this.#stopped.signal.aborted) return null;
        if (!isTold) this.options.note(`the daemon is away, and is waited for: ${(error as Error).message}`);
        isTold = true;
      }
      await sleep(AWAY_MS);
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof SemanticError && ['LeaseLost', 'JobNotFound'].includes(error.code);
}

/** Nobody was there to take the request. */
function isUntried(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT'].includes(String((error as { code?: unknown }).code));
}

/** Which answers another attempt would change: a daemon that is busy or without a model has tried nothing, its own failures count. */
function failureOf({ status, body, retryAfterSeconds }: RouteAnswer): Failure {
  const { code, message } = errorOf(status, body);
  if (status === 429 || status === 503 || status === 529 || status === 499)
    return { code, message, retry: 'free', delayMs: retryAfterSeconds === null ? BUSY_MS : retryAfterSeconds * 1000, answer: null };
  if (status >= 500 || status === 408) return { code, message, retry: 'later', delayMs: 0, answer: null };
  return { code, message, retry: 'never', delayMs: 0, answer: { status, body } };
}

/** In the words of either vendor. */
function errorOf(status: number, body: string): { readonly code: string; readonly message: string } {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: string; type?: string; message?: string } };
    return { code: error?.code ?? error?.type ?? `http_${status}`, message: error?.message ?? `the endpoint answered with ${status}` };
  } catch {
    return { code: `http_${status}`, message: `the endpoint answered with ${status}, and no JSON` };
  }
}
