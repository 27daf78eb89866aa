/** The fields of an embeddings request that we understand, with their ranges. Fields of other vendors pass unread. */
import { z } from 'zod';

/** As many as the vendor takes. */
export const MOST_INPUTS = 2048;

const text = z.string().min(1, 'wanted a text that is not empty');
const ids = z.array(z.int().min(0)).min(1);

export const embeddingsSchema = z.looseObject({
  model: z.string().min(1),
  input: z.union([text, z.array(text).min(1).max(MOST_INPUTS), ids, z.array(ids).min(1).max(MOST_INPUTS)], {
    error: `wanted a text, token ids, or an array of at most ${MOST_INPUTS} of either, none of them empty`,
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  truncate: z.boolean().nullish(),
  user: z.string().nullish(),
});
export type EmbeddingsBody = z.output<typeof embeddingsSchema>;
