/** POST /v1/admin/config/reload. */
import { z } from 'zod';

export const reloadSchema = z.object({
  /** Keys that are in force now with other values than before. */
  applied: z.array(z.string()),
  /** Keys that are not what the daemon was started with, and stay as they were. */
  needs_restart: z.array(z.string()),
});
export type Reloaded = z.output<typeof reloadSchema>;
