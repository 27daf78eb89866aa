/** The fields of a completion that we understand, with their ranges. Fields of other vendors pass unread. */
import { z } from 'zod';
import { constraintFields } from '../generation/constraint.js';
import { generationFields } from '../generation/fields.js';

/** As many as the vendor gives. */
const MOST_CHOICES = 128;
/** As many as the vendor tells of. */
const MOST_LOGPROBS = 5;

const tokenId = z.int().min(0);
const ids = z.array(tokenId).min(1);
const { logprobs: _, top_logprobs: __, tools: ___, ...shared } = generationFields;

export const completionSchema = z.looseObject({
  model: z.string().min(1),
  prompt: z.union([z.string(), z.array(z.string()).min(1).max(MOST_CHOICES), ids, z.array(ids).min(1).max(MOST_CHOICES)], {
    error: `wanted a text, token ids, or an array of at most ${MOST_CHOICES} of either`,
  }),
  ...shared,
  ...constraintFields,
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  best_of: z.int().min(1).max(MOST_CHOICES).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(MOST_LOGPROBS).nullish(),
  suffix: z.string().nullish(),
  cache_prompt: z.boolean().nullish(),
});
export type CompletionBody = z.output<typeof completionSchema>;
