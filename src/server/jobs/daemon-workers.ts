/** Workers inside the daemon, so that a job runs where nobody started one: the same as those outside, but for how they lease. */
import type { Logger } from 'pino';
import { JobWorker } from '../../client/jobs/job-worker.js';
import type { Failure, JobSource, Leased, WorkersJob } from '../../client/jobs/job-source.js';
import { RequestRunner } from '../../client/jobs/run-request.js';
import type { Held } from '../../core/jobs/job-queue.js';
import type { JobDesk } from './job-desk.js';

/** How the queue knows them: what they had when the daemon ended is queued again. */
export const DAEMON_WORKER = 'daemon';

const WAIT_MS = 60_000;

export interface DaemonWorkersOptions {
  readonly count: number;
  readonly leaseMs: number;
  /** The daemon's own: requests of jobs take the way of everybody's. */
  readonly socket: string;
  readonly connectTimeoutMs: number;
  readonly logger: Logger;
}

export class DaemonWorkers {
  readonly #workers: readonly JobWorker[];
  readonly #ended: Promise<void>;

  constructor(desk: JobDesk, { count, leaseMs, socket, connectTimeoutMs, logger }: DaemonWorkersOptions) {
    const source = new DeskSource(desk, leaseMs);
    const note = (text: string): void => logger.info(`jobs: ${text}`);
    const started = Array.from({ length: count }, () => {
      const runner = new RequestRunner(socket, connectTimeoutMs);
      const worker = new JobWorker({ source, runner, untilEmpty: false, note });
      const ended = worker.run().then(
        () => runner.close(),
        (error: unknown) => logger.error({ err: error }, 'a worker of the daemon ended'),
      );
      return { worker, ended };
    });
    this.#workers = started.map(({ worker }) => worker);
    this.#ended = Promise.all(started.map(({ ended }) => ended)).then(() => undefined);
  }

  /** They take no other job. */
  stop(): void {
    for (const worker of this.#workers) worker.stop();
  }

  /** Resolves when they have given back what they had. */
  async close(): Promise<void> {
    for (const worker of this.#workers) worker.hurry();
    await this.#ended;
  }
}

class DeskSource implements JobSource {
  constructor(
    private readonly desk: JobDesk,
    private readonly leaseMs: number,
  ) {}

  async lease(signal: AbortSignal): Promise<Leased> {
    if (signal.aborted) return { jobs: [], open: 0 };
    const { leaseMs } = this;
    const leased = await this.desk.lease({ worker: DAEMON_WORKER, scope: null, count: 1, leaseMs }, WAIT_MS, signal);
    return { jobs: leased.map((job) => ({ ...job, leaseMs })), open: leased.length };
  }

  ended(job: WorkersJob, over: AbortSignal): Promise<void> {
    return this.desk.left(job.id, over);
  }

  async renew(job: WorkersJob): Promise<void> {
    await this.desk.queue.renew(heldOf(job), job.leaseMs);
  }

  async complete(job: WorkersJob, answer: { readonly status: number; readonly body: string }, engineMs: number | null): Promise<void> {
    await this.desk.queue.complete(heldOf(job), answer, engineMs);
  }

  async fail(job: WorkersJob, { code, message, retry, delayMs, answer }: Failure): Promise<void> {
    if (retry === 'free') await this.desk.queue.release(heldOf(job), delayMs);
    else await this.desk.queue.fail(heldOf(job), { code, message, final: retry === 'never' ? answer : null, delayMs });
  }
}

function heldOf({ id, lease }: WorkersJob): Held {
  return { id, lease };
}
