/** Jobs of a running daemon, leased over its socket. */
import type { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import { DaemonHttp } from '../daemon-http.js';
import { jobSchema, leaseListSchema, type LeasedJobBody } from './job-bodies.js';
import type { Failure, JobSource, Leased, WorkersJob } from './job-source.js';

export interface DaemonSourceOptions {
  readonly socket: string;
  readonly connectTimeoutMs: number;
  /** Its name. */
  readonly worker: string;
  /** How long to wait for a job, milliseconds. */
  readonly waitMs: number;
}

export class DaemonSource implements JobSource {
  /** A lease waits: what is said of a job meanwhile goes another way. */
  readonly #leases: DaemonHttp;
  readonly #reports: DaemonHttp;

  constructor(private readonly options: DaemonSourceOptions) {
    const { socket, connectTimeoutMs } = options;
    this.#leases = new DaemonHttp(socket, connectTimeoutMs);
    this.#reports = new DaemonHttp(socket, connectTimeoutMs);
  }

  async lease(signal: AbortSignal): Promise<Leased> {
    const { worker, waitMs } = this.options;
    try {
      const request = { method: 'POST', path: '/v1/jobs/lease', json: { worker, wait_ms: waitMs }, signal } as const;
      const { data, open } = await this.#leases.json(request, leaseListSchema);
      return { jobs: data.map(toJob), open };
    } catch (error) {
      if (signal.aborted) return { jobs: [], open: 0 };
      throw error;
    }
  }

  async renew(job: WorkersJob): Promise<void> {
    await this.#say(job, 'renew', { lease_ms: job.leaseMs });
  }

  async complete(
    job: WorkersJob,
    { status, body }: { readonly status: number; readonly body: string },
    engineMs: number | null,
  ): Promise<void> {
    await this.#say(job, 'complete', { status, body: JSON.parse(body) as unknown, engine_ms: engineMs });
  }

  async fail(job: WorkersJob, { code, message, retry, delayMs, answer }: Failure): Promise<void> {
    const said = answer === null ? {} : { status: answer.status, body: JSON.parse(answer.body) as unknown };
    await this.#say(job, 'fail', { error: { code, message: message.slice(0, 4_096) }, retry, delay_ms: delayMs, ...said });
  }

  async close(): Promise<void> {
    await Promise.all([this.#leases.close(), this.#reports.close()]);
  }

  #say({ id, lease }: WorkersJob, verb: string, json: object): Promise<z.output<typeof jobSchema>> {
    return this.#reports.json({ method: 'POST', path: `/v1/jobs/${id}/${verb}`, json: { lease, ...json } }, jobSchema);
  }
}

function toJob({ id, lease, lease_ms: leaseMs, scope, endpoint, class: inClass, body }: LeasedJobBody): WorkersJob {
  return { id, lease, leaseMs, scope, endpoint, class: inClass, body: JSON.stringify(body) };
}

/** Whether the daemon is not there, about to go, or cannot write now: it may come again. */
export function isAbsent(error: unknown): boolean {
  return (
    error instanceof SemanticError &&
    ['DaemonUnreachable', 'ShuttingDown', 'JobsUnavailable', 'ModelUnavailable', 'DiskFull'].includes(error.code)
  );
}
