/** The queue and its workers, as configured. */
import type { Logger } from 'pino';
import type { Config } from '../../adapters/config/schema.js';
import { SqlJobQueue } from '../../adapters/jobs/sql-job-queue.js';
import { jobsFile } from '../../adapters/paths/paths.js';
import { DAEMON_WORKER, DaemonWorkers } from './daemon-workers.js';
import { JobDesk } from './job-desk.js';
import { Webhooks } from './webhooks.js';

const MB = 2 ** 20;

export interface DaemonJobs {
  readonly desk: JobDesk;
  readonly maxAttempts: number;
  readonly webhookHosts: readonly string[];
  readonly leaseMs: number;
  /** Begins to run jobs; to be called once requests are answered on the socket. */
  start(socket: string): void;
  /** Leases nothing more; what runs goes on. */
  stop(): void;
  /** Gives back what still runs. To be called when the engine has ended it. */
  giveBack(): Promise<void>;
  /** Nothing is taken or told any more. */
  close(): Promise<void>;
}

export function openJobs({ jobs, client }: Pick<Config, 'jobs' | 'client'>, logger: Logger): DaemonJobs {
  const leaseMs = jobs.lease_seconds * 1000;
  const limits = {
    maxOpen: jobs.max_queued,
    maxBytes: jobs.max_mb * MB,
    keepMs: jobs.keep_seconds * 1000,
    backoff: { firstMs: jobs.backoff_seconds * 1000, mostMs: jobs.max_backoff_seconds * 1000 },
  };
  const file = jobs.persist === 'disk' ? jobsFile() : null;
  const onPutAside = (path: string): void => logger.error(`the queue of jobs was damaged: it is kept as ${path}, and a new one was begun`);
  const open = (): Promise<SqlJobQueue> => SqlJobQueue.open({ file, limits, clock: Date, ownWorker: DAEMON_WORKER, leaseMs, onPutAside });
  const desk = new JobDesk({ open: jobs.enabled ? open : null, webhooks: new Webhooks(jobs, logger), logger });
  const opened = desk.open();
  let workers: DaemonWorkers | null = null;
  let isStopping = false;
  return {
    desk,
    maxAttempts: jobs.max_attempts,
    webhookHosts: jobs.webhook_hosts,
    leaseMs,
    start(socket) {
      void opened.then((isOpen) => {
        if (!isOpen || isStopping) return;
        workers = new DaemonWorkers(desk, { count: jobs.workers, leaseMs, socket, connectTimeoutMs: client.connect_timeout_ms, logger });
      });
    },
    stop() {
      isStopping = true;
      desk.stop();
      workers?.stop();
    },
    async giveBack() {
      await workers?.close();
      desk.hurry();
    },
    async close() {
      await desk.close();
      await opened;
    },
  };
}
