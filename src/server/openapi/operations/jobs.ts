import { z } from 'zod';
import {
  completeSchema,
  failSchema,
  inferSchema,
  jobDetailSchema,
  jobListSchema,
  jobSchema,
  leaseListSchema,
  leaseRequestSchema,
  renewSchema,
  submitSchema,
} from '../../../client/jobs/job-bodies.js';
import { jobEventsQuery, listJobsQuery } from '../../jobs/queries.js';
import type { Operation } from '../operation.js';

const tag = 'Jobs';
const one = '/v1/jobs/:id';

/** Requests that are answered later. */
export const jobOperations: readonly Operation[] = [
  {
    method: 'post',
    url: '/v1/jobs',
    tag,
    summary: 'Has a request answered later.',
    body: submitSchema,
    status: 201,
    answer: jobSchema,
    also: [200],
  },
  { method: 'get', url: '/v1/jobs', tag, summary: 'Lists jobs, the newest first.', query: listJobsQuery, answer: jobListSchema },
  { method: 'get', url: one, tag, summary: 'Shows a job and its result.', answer: jobDetailSchema },
  { method: 'post', url: `${one}/cancel`, tag, summary: 'Ends a job.', answer: jobSchema },
  { method: 'post', url: `${one}/retry`, tag, summary: 'Runs a job again that came to nothing.', answer: jobSchema },
  {
    method: 'get',
    url: `${one}/events`,
    tag,
    summary: 'Tells what happens to a job until it is over.',
    query: jobEventsQuery,
    streams: 'always',
  },
  {
    method: 'post',
    url: '/v1/infer/sync',
    tag,
    summary: 'Runs a request as a job and waits: the answer is that of the endpoint.',
    body: inferSchema,
    answer: z.unknown(),
    errors: 'either',
  },
  { method: 'post', url: '/v1/jobs/lease', tag, summary: 'Gives a worker jobs to run.', body: leaseRequestSchema, answer: leaseListSchema },
  { method: 'post', url: `${one}/renew`, tag, summary: 'Keeps a job that is leased.', body: renewSchema, answer: jobSchema },
  { method: 'post', url: `${one}/complete`, tag, summary: 'Says what the endpoint answered.', body: completeSchema, answer: jobSchema },
  {
    method: 'post',
    url: `${one}/fail`,
    tag,
    summary: 'Says that there is no answer, or none worth trying again for.',
    body: failSchema,
    answer: jobSchema,
  },
];
