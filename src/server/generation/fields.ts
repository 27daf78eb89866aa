/** The fields every dialect of ours shares: what to say, how to sample, when to stop; with their ranges. */
import { z } from 'zod';
import { termFields } from './terms.js';

const text = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(text), z.null()], { error: 'wanted a string, or an array of {type: "text", text} parts' });
const tokenId = z.int().min(0);
const stop = z.union([z.string().min(1), z.array(z.string().min(1))], { error: 'wanted a string that is not empty, or an array of such' });

export const messageSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: content.optional(),
});
export type MessageBody = z.output<typeof messageSchema>;

export const generationFields = {
  tools: z.array(z.unknown()).nullish(),
  stream: z.boolean().nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().positive().max(1).nullish(),
  /** -1 and 0 = off. */
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().positive().max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string().regex(/^\d+$/, 'wanted token ids as keys'), z.number().min(-100).max(100)).nullish(),
  seed: z.int().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  stop: stop.nullish(),
  stop_token_ids: z.array(tokenId).nullish(),
  ignore_eos: z.boolean().nullish(),
  ...termFields,
};

const generationSchema = z.object(generationFields);
export type GenerationBody = z.output<typeof generationSchema>;
