/** Where a worker gets its jobs, and tells what became of them. */
import type { JobError } from '../../core/domain/job.js';

export interface WorkersJob {
  readonly id: string;
  readonly lease: string;
  readonly scope: string;
  readonly endpoint: string;
  readonly class: string;
  /** JSON. */
  readonly body: string;
  /** Milliseconds that the lease lasts unless it is renewed. */
  readonly leaseMs: number;
}

export interface Leased {
  readonly jobs: readonly WorkersJob[];
  /** Jobs that wait or run, anywhere. */
  readonly open: number;
}

export interface Failure extends JobError {
  /** `free`: the attempt does not count, since nothing was tried. */
  readonly retry: 'later' | 'free' | 'never';
  readonly delayMs: number;
  readonly answer: { readonly status: number; readonly body: string } | null;
}

export interface JobSource {
  /** Waits some time for one where there is none; resolves with none then, and when `signal` aborts. */
  lease(signal: AbortSignal): Promise<Leased>;
  /** Resolves when the job is ended otherwise, or `over` aborts; absent where only a renewal tells. */
  ended?(job: WorkersJob, over: AbortSignal): Promise<void>;
  /** Throws LeaseLost, as do the others. */
  renew(job: WorkersJob): Promise<void>;
  complete(job: WorkersJob, answer: { readonly status: number; readonly body: string }, engineMs: number | null): Promise<void>;
  fail(job: WorkersJob, failure: Failure): Promise<void>;
}
