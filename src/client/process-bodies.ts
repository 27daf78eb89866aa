/** GET /v1/admin/process, as clients of ours read it. */
import { z } from 'zod';

export const processSchema = z.object({
  pid: z.number(),
  version: z.string(),
  state: z.string(),
  phase: z.string().nullable(),
  uptimeSeconds: z.number(),
  address: z.string(),
  socket: z.string(),
  log: z.string().nullable(),
});
export type ProcessReport = z.output<typeof processSchema>;
