/** A recording that goes on, as JSON: what the daemon writes and its client reads. */
import { z } from 'zod';

const count = z.number();

export const recordingSchema = z.object({
  object: z.literal('recording'),
  /** `off`: there was none since the daemon started. */
  state: z.enum(['off', 'recording', 'complete', 'full', 'failed']),
  directory: z.string().nullable(),
  /** Why it failed. */
  reason: z.string().nullable(),
  startedAt: z.string().nullable(),
  exchanges: count,
  /** The disk was slower than what came. */
  dropped: count,
  bytes: count,
  maxBytes: count,
});
export type RecordingBody = z.output<typeof recordingSchema>;

export const newRecordingSchema = z.strictObject({
  directory: z.string().min(1),
  max_bytes: z.int().min(1).nullish(),
  redact: z.array(z.string().min(1)).nullish(),
});
export type NewRecordingBody = z.input<typeof newRecordingSchema>;
