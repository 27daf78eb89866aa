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
});
export type ProcessBody = z.output<typeof processSchema>;
