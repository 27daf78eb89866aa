/**
 * The Responses API as its clients write it (recordings: docs/api-responses.md). What we understand is checked; keys of others pass
 * unread, since clients send new ones with every release. Items and tools are read one by one, by their type.
 */
import { z } from 'zod';

const named = z.string().min(1).max(128);
const object = z.record(z.string(), z.unknown());

/** An item of input or a tool, before its type is looked at. */
const anything = z.looseObject({ type: z.string().nullish() });
export type RawItem = z.output<typeof anything>;

const toolChoice = z.union([z.enum(['auto', 'none', 'required']), z.looseObject({ type: z.string().min(1), name: z.string().nullish() })], {
  error: 'wanted "auto", "none", "required", or an object with a type',
});

export const allowedToolsSchema = z.looseObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: z.array(z.looseObject({ type: z.string(), name: z.string().nullish(), namespace: z.string().nullish() })),
});

const format = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object') }),
    z.looseObject({ type: z.literal('json_schema'), name: z.string().nullish(), schema: object, strict: z.boolean().nullish() }),
  ],
  { error: 'wanted an object with the type text, json_object or json_schema' },
);

const prompt = {
  model: z.string().min(1).nullish(),
  input: z.union([z.string(), z.array(anything)], { error: 'wanted a string, or an array of items' }).nullish(),
  instructions: z.string().nullish(),
  previous_response_id: z.string().min(1).nullish(),
  tools: z.array(anything).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: format.nullish(), verbosity: z.string().nullish() }).nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
  truncation: z.enum(['auto', 'disabled']).nullish(),
  conversation: z.null({ error: 'there are no conversations here: wanted previous_response_id, or the whole input' }).optional(),
  prompt: z.null({ error: 'there are no stored prompts here: wanted instructions and input' }).optional(),
};

/** POST /v1/responses/input_tokens. */
export const inputTokensSchema = z.looseObject(prompt);
export type PromptBody = z.output<typeof inputTokensSchema>;

export const responsesSchema = z.looseObject({
  ...prompt,
  background: z.boolean().nullish(),
  include: z.array(z.string()).nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  prompt_cache_key: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  service_tier: z.string().nullish(),
  store: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  top_p: z.number().positive().max(1).nullish(),
  user: z.string().nullish(),
});
export type ResponsesBody = z.output<typeof responsesSchema>;

const text = z.looseObject({ type: z.enum(['input_text', 'output_text', 'text']), text: z.string() });
const refusal = z.looseObject({ type: z.literal('refusal'), refusal: z.string() });
const seen = z.looseObject({ type: z.enum(['input_image', 'input_file', 'input_audio']) });
const part = z.discriminatedUnion('type', [text, refusal, seen], { error: 'wanted a part of the type input_text, output_text or refusal' });
const content = z.union([z.string(), z.array(part)], { error: 'wanted a string, or an array of parts' });
export type ContentBody = z.output<typeof content>;

const call = { call_id: z.string().min(1), name: named, namespace: z.string().nullish() };
const thought = z.looseObject({ text: z.string() });

/** Items by their type; one without is a message. */
export const ITEM_SCHEMAS = {
  message: z.looseObject({
    role: z.enum(['user', 'assistant', 'system', 'developer'], { error: 'wanted "user", "assistant", "system" or "developer"' }),
    content,
  }),
  function_call: z.looseObject({ ...call, arguments: z.string() }),
  custom_tool_call: z.looseObject({ ...call, input: z.string() }),
  function_call_output: z.looseObject({ call_id: z.string().min(1), output: content }),
  custom_tool_call_output: z.looseObject({ call_id: z.string().min(1), output: content }),
  reasoning: z.looseObject({
    encrypted_content: z.string().nullish(),
    content: z.array(thought).nullish(),
    summary: z.array(thought).nullish(),
  }),
  additional_tools: z.looseObject({ tools: z.array(anything) }),
  item_reference: z.looseObject({ id: z.string().min(1) }),
} as const;

export const TOOL_SCHEMAS = {
  function: z.looseObject({ name: named, description: z.string().nullish(), parameters: object.nullish(), strict: z.boolean().nullish() }),
  custom: z.looseObject({
    name: named,
    description: z.string().nullish(),
    format: z.looseObject({ type: z.string(), syntax: z.string().nullish(), definition: z.string().nullish() }).nullish(),
  }),
  namespace: z.looseObject({ name: named, tools: z.array(anything) }),
} as const;
