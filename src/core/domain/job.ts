/** A job: one request of a dialect that is answered some time, once, whoever runs it and however often that is tried. */
import type { Priority } from './priority.js';

export const JOB_ENDPOINTS = ['/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/completions', '/v1/embeddings'] as const;
export type JobEndpoint = (typeof JOB_ENDPOINTS)[number];

/**
 * `queued`: waits for a worker, or for its next attempt. `running`: leased. All others are final: `failed` is an answer that no attempt
 * would change, `dead` one that came to no answer in all its attempts, `expired` one whose deadline went by.
 */
export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired', 'dead'] as const;
export type JobState = (typeof JOB_STATES)[number];

export type JobTally = Readonly<Record<JobState, number>>;

export function isFinal(state: JobState): boolean {
  return state !== 'queued' && state !== 'running';
}

/** Highest first; those of one priority in the order they came. */
export const LARGEST_PRIORITY = 100;

/** Times are milliseconds since 1970. */
export interface JobRequest {
  /** Whose it is: that of an API key. */
  readonly scope: string;
  readonly endpoint: JobEndpoint;
  /** JSON, as the endpoint takes it. */
  readonly body: string;
  /** In which class of the scheduler its request runs. */
  readonly class: Priority;
  /** -LARGEST_PRIORITY to LARGEST_PRIORITY. */
  readonly priority: number;
  /** When it is worth nothing any more. */
  readonly deadline: number | null;
  readonly maxAttempts: number;
  /** The same key and `fingerprint` in a scope are the same job. */
  readonly idempotencyKey: string | null;
  /** Of all that was asked for. */
  readonly fingerprint: string;
  /** Address that is told when it is over. */
  readonly webhook: string | null;
  /** The batch it is part of, and its name there. */
  readonly batch: string | null;
  readonly customId: string | null;
}

/** Why an attempt, or the job, came to nothing. */
export interface JobError {
  readonly code: string;
  readonly message: string;
}

/** What the endpoint answered. */
export interface JobResult {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

export interface Job extends Omit<JobRequest, 'body' | 'fingerprint'> {
  readonly id: string;
  readonly state: JobState;
  /** That were begun, and not given back. */
  readonly attempts: number;
  readonly createdAt: number;
  /** Of its next attempt, the soonest. */
  readonly availableAt: number;
  /** Of its last attempt. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Who has it, or had it last. */
  readonly worker: string | null;
  readonly leaseUntil: number | null;
  /** Milliseconds that the engine took for its answer; null where they are not known. */
  readonly engineMs: number | null;
  /** Of its last attempt that came to nothing. */
  readonly error: JobError | null;
}

export interface JobDetail extends Job {
  readonly body: string;
  /** Of a job that has `succeeded` or `failed`. */
  readonly result: JobResult | null;
}

export interface LeasedJob extends JobDetail {
  /** Says that it is this worker's. */
  readonly lease: string;
}
