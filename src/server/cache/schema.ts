import { z } from 'zod';

/** POST /v1/cache/evict. */
export const evictSchema = z.strictObject({
  agent: z.string().nullish(),
  to: z.enum(['disk', 'none'], { error: 'wanted "disk" or "none"' }),
  dry_run: z.boolean().optional(),
});
