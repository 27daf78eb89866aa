/** POST /v1/admin/config/reload. */
import { z } from 'zod';

export const reloadSchema = z.object({ applied: z.array(z.string()), needs_restart: z.array(z.string()) });
export type Reloaded = z.output<typeof reloadSchema>;
