/**
 * The queue of jobs, as a port: tests/contracts/job-queue.ts says what every adapter must do. At least once: a job that was submitted is
 * leased until it has its final result, and has one. What is resolved is durable.
 *
 * Its errors: JobNotFound where the scope has no such job, JobsUnavailable or DiskFull where the adapter cannot work.
 */
import type { Job, JobDetail, JobError, JobRequest, JobResult, JobState, JobTally, LeasedJob } from '../domain/job.js';
import type { JobEvent, JobTopic } from '../domain/job-event.js';

export interface SubmittedJob {
  readonly job: Job;
  /** False where it was there already, by its idempotency key. */
  readonly isNew: boolean;
}

export interface LeaseWanted {
  readonly worker: string;
  /** Jobs of this scope only; null = of all. */
  readonly scope: string | null;
  /** At most so many. */
  readonly count: number;
  /** Who does not renew it by then has lost it. */
  readonly leaseMs: number;
}

/** A job and the lease that a worker has on it. */
export interface Held {
  readonly id: string;
  readonly lease: string;
}

export interface AttemptFailure extends JobError {
  /** No attempt would change it: the job has failed, with this answer. */
  readonly final: JobResult | null;
  /** Milliseconds that the next attempt has to wait, whatever the backoff says. */
  readonly delayMs: number;
}

export interface JobFilter {
  readonly scope: string | null;
  readonly state: JobState | null;
  readonly batch: string | null;
  /** Those that came before this one (newest first). */
  readonly after: string | null;
  readonly limit: number;
}

export interface DueWebhook {
  readonly job: Job;
  /** Attempts so far. */
  readonly tries: number;
}

/** What is kept beside jobs: batches, and files of requests. It goes with the last job that names it, or as jobs go. */
export interface JobDocument {
  readonly id: string;
  readonly scope: string;
  readonly kind: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly data: string;
}

export interface DocumentPage {
  /** Those that came before this one, or, the nearest ones, after that one (newest first). */
  readonly after: string | null;
  readonly before: string | null;
  readonly limit: number;
}

export interface Sweep {
  /** When there will be something to do again, milliseconds since 1970; null = not before something is asked for. */
  readonly nextAt: number | null;
}

export interface JobQueue {
  /** All or none, the batch that they are included. Throws JobConflict for a key of another job, Overloaded where no more are taken. */
  submit(requests: readonly JobRequest[], batch?: JobDocument): Promise<readonly SubmittedJob[]>;
  /** Those whose turn it is; each counts as an attempt from now. */
  lease(wanted: LeaseWanted): Promise<readonly LeasedJob[]>;
  /** Throws LeaseLost, as all that are told a lease. */
  renew(held: Held, leaseMs: number): Promise<Job>;
  /** The one final result. Said again by who said it, it is no error. */
  complete(held: Held, result: JobResult, engineMs: number | null): Promise<Job>;
  /** Once more, or never, or to the dead ones where this was the last attempt. */
  fail(held: Held, failure: AttemptFailure): Promise<Job>;
  /** Given back, as if there had been no attempt. */
  release(held: Held, delayMs: number): Promise<Job>;
  /** Throws JobConflict where it is over otherwise. */
  cancel(scope: string | null, id: string): Promise<Job>;
  /** Resolves to how many it ended. */
  cancelBatch(scope: string | null, batch: string): Promise<number>;
  /** From its first attempt, now. Throws JobConflict where it runs or has succeeded. */
  retry(scope: string | null, id: string): Promise<Job>;
  get(scope: string | null, id: string): Promise<JobDetail>;
  /** The newest first. */
  list(filter: JobFilter): Promise<readonly Job[]>;
  /** With bodies and results; in the order they were submitted, after this many. */
  results(scope: string | null, batch: string, after: number, limit: number): Promise<readonly JobDetail[]>;
  tally(scope: string | null, batch: string | null): Promise<JobTally>;
  /** When the last of its jobs ended, milliseconds since 1970; null where it has none, or one that is not over. */
  endOf(batch: string): Promise<number | null>;
  /** In the place of one of this id. Throws Overloaded where there is no room. */
  putDocument(document: JobDocument): Promise<void>;
  document(scope: string | null, kind: string, id: string): Promise<JobDocument | null>;
  /** The newest first. */
  documents(scope: string | null, kind: string, page: DocumentPage): Promise<readonly JobDocument[]>;
  removeDocument(id: string): Promise<void>;
  /** Ends what is over by the clock: leases, deadlines, the time that jobs are kept. */
  sweep(): Promise<Sweep>;
  webhooksDue(limit: number): Promise<readonly DueWebhook[]>;
  /** `again`: milliseconds until it is tried again; null = it was told, or is given up. */
  webhookTried(id: string, again: number | null): Promise<void>;
  /** Of one topic, behind that offset, the oldest first. */
  read(topic: JobTopic, after: number, limit: number): Promise<readonly JobEvent[]>;
  /** Of one job, as `read`. */
  history(scope: string | null, id: string, after: number): Promise<readonly JobEvent[]>;
  /** Told of every event of this process once it is durable; the function returned ends it. */
  watch(listener: (event: JobEvent) => void): () => void;
  close(): Promise<void>;
}
