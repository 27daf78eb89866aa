import { z } from 'zod';
import { JOB_STATES } from '../../core/domain/job.js';

export const listJobsQuery = z.looseObject({
  state: z.enum(JOB_STATES, { error: `wanted one of ${JOB_STATES.join(', ')}` }).optional(),
  batch: z.string().max(100).optional(),
  after: z.string().max(100).optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'wanted 1 to 1000')
    .transform(Number)
    .pipe(z.int().min(1, 'wanted 1 to 1000').max(1_000, 'wanted 1 to 1000'))
    .optional(),
});

export const jobEventsQuery = z.looseObject({
  starting_after: z
    .string()
    .regex(/^\d{1,15}$/, 'wanted an offset')
    .transform(Number)
    .optional(),
});
