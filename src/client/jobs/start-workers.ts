/** Several workers of one process against one daemon. */
import { SemanticError } from '../../core/domain/errors.js';
import { AdminClient } from '../admin-client.js';
import { DaemonSource } from './daemon-source.js';
import { JobWorker, type WorkerReport } from './job-worker.js';
import { RequestRunner } from './run-request.js';

export interface WorkersOptions {
  readonly socket: string;
  readonly connectTimeoutMs: number;
  /** Their name; each has its number behind it. */
  readonly worker: string;
  readonly concurrency: number;
  readonly untilEmpty: boolean;
  readonly note: (text: string) => void;
}

export interface Workers {
  readonly isStopping: boolean;
  /** At first what they have is run to its end; asked again, it is given back. */
  stop(): void;
  readonly ended: Promise<readonly WorkerReport[]>;
}

/** How long a daemon is asked to wait for a job, milliseconds. */
const WAIT_MS = 10_000;
/** The same where the end of all jobs is waited for, which nobody tells. */
const LAST_WAIT_MS = 500;

/** Throws DaemonUnreachable where there is none now; one that goes later is waited for. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { socket, connectTimeoutMs, concurrency, untilEmpty, note } = options;
  await assertThere(socket, connectTimeoutMs);
  const started = Array.from({ length: concurrency }, (_, i) => {
    const waitMs = untilEmpty ? LAST_WAIT_MS : WAIT_MS;
    const source = new DaemonSource({
      socket,
      connectTimeoutMs,
      waitMs,
      worker: concurrency === 1 ? options.worker : `${options.worker}.${i + 1}`,
    });
    const runner = new RequestRunner(socket, connectTimeoutMs);
    const worker = new JobWorker({ source, runner, untilEmpty, note });
    const run = async (): Promise<WorkerReport> => {
      try {
        return await worker.run();
      } finally {
        await Promise.all([source.close(), runner.close()]);
      }
    };
    return { worker, ended: run() };
  });
  let isStopping = false;
  return {
    get isStopping() {
      return isStopping;
    },
    stop() {
      for (const { worker } of started) {
        if (isStopping) worker.hurry();
        else worker.stop();
      }
      isStopping = true;
    },
    ended: Promise.all(started.map(({ ended }) => ended)),
  };
}

async function assertThere(socket: string, connectTimeoutMs: number): Promise<void> {
  const admin = new AdminClient(socket, connectTimeoutMs);
  try {
    await admin.process();
  } catch (error) {
    if (error instanceof SemanticError && error.code === 'DaemonUnreachable') throw error;
    // whatever else it says, it is there
  } finally {
    await admin.close();
  }
}
