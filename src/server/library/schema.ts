import { z } from 'zod';

/** DELETE /v1/admin/models/{id}. */
export const removeModelQuery = z.strictObject({ dry_run: z.enum(['true', 'false']).optional() });

/** POST /v1/admin/models/pull. */
export const pullSchema = z.strictObject({ source: z.string().min(1), name: z.string().nullish() });

/** POST /v1/admin/aliases. */
export const newAliasSchema = z.strictObject({ name: z.string(), model: z.string() });
