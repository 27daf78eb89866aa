import { z } from 'zod';

export const pageQuery = z.looseObject({
  limit: z
    .string()
    .regex(/^\d{1,5}$/, 'wanted 1 to 10000')
    .transform(Number)
    .pipe(z.int().min(1, 'wanted 1 to 10000').max(10_000, 'wanted 1 to 10000'))
    .optional(),
  after: z.string().max(100).optional(),
});
