/** GET /v1/admin/status, as far as clients of ours read it. */
import { z } from 'zod';

export const statusSchema = z.object({
  pid: z.number(),
  version: z.string(),
  uptimeSeconds: z.number(),
  /** Where HTTP listens: `http://host:port` or `https://host:port`. */
  address: z.string(),
  engine: z.object({
    model: z.string(),
    contextLength: z.number(),
    fault: z.string().nullable(),
    running: z.number(),
    waiting: z.number(),
    /** Writes of KV to disk that wait or run, and why the last one failed. */
    parking: z.object({ pending: z.number(), lastFailure: z.string().nullable() }),
    kv: z.object({ bytesPerToken: z.number() }),
  }),
  native: z.object({ weightBytes: z.number(), kvBytes: z.number() }),
  memory: z.object({ budgetBytes: z.number(), residentBytes: z.number() }),
});
export type StatusBody = z.output<typeof statusSchema>;
