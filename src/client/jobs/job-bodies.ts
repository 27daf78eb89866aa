/** /v1/jobs: the daemon writes these bodies, commands and workers read them. Times are seconds since 1970. */
import { z } from 'zod';
import { JOB_ENDPOINTS, JOB_STATES, LARGEST_PRIORITY } from '../../core/domain/job.js';
import { PRIORITIES } from '../../core/domain/priority.js';

const time = z.number().nullable();

export const jobSchema = z.object({
  object: z.literal('job'),
  id: z.string(),
  endpoint: z.enum(JOB_ENDPOINTS),
  state: z.enum(JOB_STATES),
  class: z.enum(PRIORITIES),
  priority: z.number(),
  attempts: z.number(),
  max_attempts: z.number(),
  idempotency_key: z.string().nullable(),
  batch: z.string().nullable(),
  custom_id: z.string().nullable(),
  webhook: z.string().nullable(),
  worker: z.string().nullable(),
  created_at: z.number(),
  /** Of its next attempt, the soonest. */
  available_at: z.number(),
  deadline: time,
  started_at: time,
  finished_at: time,
  /** Milliseconds of the last attempt, and of the engine in it. */
  run_ms: z.number().nullable(),
  engine_ms: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type JobBody = z.output<typeof jobSchema>;

const json = z.record(z.string(), z.unknown());

export const jobDetailSchema = jobSchema.extend({
  /** What the endpoint was, or will be, asked. */
  body: json,
  result: z.object({ status: z.number(), body: z.unknown() }).nullable(),
});
export type JobDetailBody = z.output<typeof jobDetailSchema>;

export const jobTallySchema = z.record(z.enum(JOB_STATES), z.number());

export const jobListSchema = z.object({
  object: z.literal('list'),
  data: z.array(jobSchema),
  has_more: z.boolean(),
  /** Of all jobs that can be seen. */
  tally: jobTallySchema,
});
export type JobListBody = z.output<typeof jobListSchema>;

export const jobEventSchema = z.object({
  object: z.literal('job.event'),
  offset: z.number(),
  topic: z.string(),
  job: z.string(),
  type: z.string(),
  at: z.number(),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
});
export type JobEventBody = z.output<typeof jobEventSchema>;

const milliseconds = (least: number) => z.int().min(least).max(3_600_000);

export const submitSchema = z.strictObject({
  endpoint: z.enum(JOB_ENDPOINTS, { error: `wanted one of ${JOB_ENDPOINTS.join(', ')}` }),
  body: json,
  priority: z.int().min(-LARGEST_PRIORITY).max(LARGEST_PRIORITY).nullish(),
  deadline: z.number().min(0).max(1e11).nullish(),
  max_attempts: z.int().min(1).max(100).nullish(),
  idempotency_key: z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'wanted 1 to 255 printable ASCII characters')
    .nullish(),
  webhook: z.string().max(2_048).nullish(),
});
export type SubmitBody = z.input<typeof submitSchema>;

/** Somebody waits for the answer: who could be told it elsewhere? */
export const inferSchema = submitSchema.omit({ webhook: true });

export const leaseRequestSchema = z.strictObject({
  worker: z.string().regex(/^[\w.:-]{1,64}$/, 'wanted 1 to 64 letters, digits, or . : _ -'),
  count: z.int().min(1).max(100).nullish(),
  /** Until it has to be renewed; as configured where nothing is said. */
  lease_ms: milliseconds(100).nullish(),
  /** How long to wait for a job where there is none. */
  wait_ms: z.int().min(0).max(10_000).nullish(),
});

export const leasedJobSchema = jobDetailSchema.extend({
  lease: z.string(),
  lease_ms: z.number(),
  /** Whose it is: a request over the daemon's socket with this in `x-semantic-scope` is one of theirs. */
  scope: z.string(),
});
export type LeasedJobBody = z.output<typeof leasedJobSchema>;

export const leaseListSchema = z.object({
  object: z.literal('list'),
  data: z.array(leasedJobSchema),
  /** Jobs that wait or run, those leased here included. */
  open: z.number(),
});

const lease = z.string().min(1).max(64);
export const renewSchema = z.strictObject({ lease, lease_ms: milliseconds(100).nullish() });
export const completeSchema = z.strictObject({
  lease,
  status: z.int().min(200).max(299),
  body: z.unknown().refine((value) => value !== undefined, 'wanted what the endpoint answered'),
  engine_ms: z.number().min(0).nullish(),
});
export const failSchema = z.strictObject({
  lease,
  error: z.strictObject({ code: z.string().min(1).max(100), message: z.string().max(4_096) }),
  /** `never`: no attempt would change it; `free`: this one does not count, the daemon was busy. */
  retry: z.enum(['later', 'free', 'never']).nullish(),
  /** Milliseconds the next attempt has to wait at least. */
  delay_ms: z.int().min(0).max(86_400_000).nullish(),
  /** Of an answer that is final. */
  status: z.int().min(300).max(599).nullish(),
  body: z.unknown().optional(),
});
