/** The fields of a chat completion that we understand, with their ranges. Fields of other vendors pass unread. */
import { z } from 'zod';

const text = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(text), z.null()], { error: 'wanted a string, or an array of {type: "text", text} parts' });
const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: content.optional(),
});
const tokenId = z.int().min(0);
const stop = z.union([z.string().min(1), z.array(z.string().min(1))], { error: 'wanted a string that is not empty, or an array of such' });

export const chatCompletionSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  tools: z.array(z.unknown()).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.literal(1, { error: 'this server gives one choice per request: wanted n = 1' }).nullish(),
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
  response_format: z
    .looseObject({ type: z.literal('text', { error: 'wanted "text": this server does not constrain its output' }) })
    .nullish(),
  ignore_eos: z.boolean().nullish(),
  cache_prompt: z.boolean().nullish(),
  session_id: z.string().min(1).max(512).nullish(),
});

export type ChatCompletionBody = z.output<typeof chatCompletionSchema>;
