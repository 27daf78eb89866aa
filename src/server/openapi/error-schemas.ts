/** Errors in the words of either vendor. */
import { z } from 'zod';

export const errorSchema = z.looseObject({
  error: z.looseObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
});

export const messagesErrorSchema = z.looseObject({
  type: z.literal('error'),
  error: z.looseObject({ type: z.string(), message: z.string() }),
  request_id: z.string(),
});
