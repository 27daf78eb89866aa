/** The fields of a chat completion that we understand, with their ranges. Fields of other vendors pass unread. */
import { z } from 'zod';
import { constraintFields } from '../generation/constraint.js';
import { generationFields, messageSchema } from '../generation/fields.js';

export const chatCompletionSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(messageSchema).min(1),
  ...generationFields,
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.literal(1, { error: 'this server gives one choice per request: wanted n = 1' }).nullish(),
  ...constraintFields,
  cache_prompt: z.boolean().nullish(),
  session_id: z.string().min(1).max(512).nullish(),
});
