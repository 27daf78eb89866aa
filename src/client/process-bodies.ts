/** GET /v1/admin/process: which daemon this is, also while it has no model. */
import { z } from 'zod';

export const processSchema = z.object({
  pid: z.number(),
  version: z.string(),
  state: z.enum(['starting', 'ready', 'swapping', 'empty', 'stopping']),
  /** What it does while it is starting. */
  phase: z.string().nullable(),
  uptimeSeconds: z.number(),
  address: z.string(),
  socket: z.string(),
  /** File its log goes to; null = where it was started. */
  log: z.string().nullable(),
  /** Whether the audit log is written; null = there is none, or nobody knows yet. */
  audit: z
    .object({
      state: z.enum(['ready', 'suspended']),
      /** Why it cannot be written. */
      reason: z.string().nullable(),
      /** Events that wait in memory. */
      held: z.number(),
      /** Events for which there was no room. */
      lost: z.number(),
    })
    .nullable()
    .default(null),
});
export type ProcessBody = z.output<typeof processSchema>;
