/** The fields of a chat completion that we understand, with their ranges. Fields of other vendors pass unread. */
import { z } from 'zod';
import { constraintFields } from '../generation/constraint.js';
import { generationFields } from '../generation/fields.js';
import { messageSchema } from './messages-schema.js';
import { toolFields } from './tools-schema.js';

/** As many as the vendor gives. */
const MOST_CHOICES = 128;

export const chatCompletionSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(messageSchema).min(1),
  ...generationFields,
  ...toolFields,
  ...constraintFields,
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  modalities: z.array(z.literal('text', { error: 'this model writes text only: wanted "text"' })).nullish(),
  reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullish(),
  /** `none`: thinking stays in the content, as the model writes it. */
  reasoning_format: z.enum(['none', 'auto', 'deepseek']).nullish(),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
  continue_final_message: z.boolean().nullish(),
  add_generation_prompt: z.boolean().nullish(),
  cache_prompt: z.boolean().nullish(),
  session_id: z.string().min(1).max(512).nullish(),
});
export type ChatCompletionBody = z.output<typeof chatCompletionSchema>;
