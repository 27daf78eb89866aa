/** Answers of the dialects, as far as their clients rely on them. */
import { z } from 'zod';

const count = z.int().min(0);
const usage = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.looseObject({ cached_tokens: count }),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count }),
});
const entry = { token: z.string(), logprob: z.number(), bytes: z.array(z.int().min(0).max(255)) };
const logprobs = z.looseObject({ content: z.array(z.looseObject({ ...entry, top_logprobs: z.array(z.looseObject(entry)) })) });
const functionCall = z.looseObject({ name: z.string(), arguments: z.string() });

export const chatCompletionAnswer = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: count,
  model: z.string(),
  choices: z
    .array(
      z.looseObject({
        index: count,
        finish_reason: z.enum(['stop', 'length', 'tool_calls', 'function_call']),
        logprobs: logprobs.nullable(),
        message: z.looseObject({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.null(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(z.looseObject({ id: z.string(), type: z.literal('function'), function: functionCall })).optional(),
          function_call: functionCall.optional(),
        }),
      }),
    )
    .min(1),
  usage,
});

export const embeddingsAnswer = z.looseObject({
  object: z.literal('list'),
  data: z.array(
    z.looseObject({
      object: z.literal('embedding'),
      index: count,
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
  model: z.string(),
  usage: z.looseObject({ prompt_tokens: count, total_tokens: count }),
});

export const completionAnswer = z.looseObject({
  id: z.string(),
  object: z.literal('text_completion'),
  created: count,
  model: z.string(),
  choices: z
    .array(
      z.looseObject({
        index: count,
        text: z.string(),
        finish_reason: z.enum(['stop', 'length']),
        logprobs: z
          .looseObject({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number()),
            top_logprobs: z.array(z.record(z.string(), z.number())),
            text_offset: z.array(count),
          })
          .nullable(),
      }),
    )
    .min(1),
  usage,
});

const block = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text'), text: z.string() }),
  z.looseObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.looseObject({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()) }),
]);

export const messageAnswer = z.looseObject({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(block),
  stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'pause_turn', 'refusal', 'model_context_window_exceeded']),
  stop_sequence: z.string().nullable(),
  usage: z.looseObject({
    input_tokens: count,
    output_tokens: count,
    cache_creation_input_tokens: count,
    cache_read_input_tokens: count,
  }),
});

export const inputTokensAnswer = z.looseObject({ input_tokens: count });

export const responseAnswer = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: count,
  status: z.enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  model: z.string(),
  output: z.array(z.looseObject({ type: z.string() })),
  usage: z
    .looseObject({
      input_tokens: count,
      input_tokens_details: z.looseObject({ cached_tokens: count }),
      output_tokens: count,
      output_tokens_details: z.looseObject({ reasoning_tokens: count }),
      total_tokens: count,
    })
    .nullish(),
});

/** Of either vendor's shape, by what the client speaks. */
export const modelAnswer = z.looseObject({ id: z.string() });
export const modelsAnswer = z.looseObject({ data: z.array(modelAnswer) });

export const turnAnswer = z.looseObject({
  object: z.literal('agent.turn'),
  agent: z.string(),
  text: z.string(),
  finish_reason: z.enum(['stop', 'stop_string', 'length']),
  usage: z.looseObject({ prompt_tokens: count, completion_tokens: count, cached_tokens: count, created_tokens: count }),
});
