/**
 * The Messages API as its clients write it (recordings: docs/clients.md). What we understand is checked; keys of others pass unread, since
 * clients send new ones with every release.
 */
import { z } from 'zod';

const text = z.looseObject({ type: z.literal('text'), text: z.string() });
const thinking = z.looseObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().nullish() });
const redacted = z.looseObject({ type: z.literal('redacted_thinking'), data: z.string() });
const toolUse = z.looseObject({
  type: z.enum(['tool_use', 'server_tool_use']),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});
const reference = z.looseObject({ type: z.literal('tool_reference'), tool_name: z.string().min(1) });
const image = z.looseObject({ type: z.enum(['image', 'document']) });
const searched = z.looseObject({ type: z.enum(['search_result', 'web_search_tool_result', 'web_fetch_tool_result']) });
const toolResult = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: z.union([z.string(), z.array(z.discriminatedUnion('type', [text, reference, image, searched]))]).nullish(),
  is_error: z.boolean().nullish(),
});

const block = z.discriminatedUnion('type', [text, thinking, redacted, toolUse, toolResult, image, searched]);
export type BlockBody = z.output<typeof block>;

const message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system'], { error: 'wanted "user", "assistant" or "system"' }),
  content: z.union([z.string(), z.array(block)], { error: 'wanted a string, or an array of content blocks of a known type' }),
});
export type MessageBody = z.output<typeof message>;

const ownTool = z.looseObject({
  type: z.literal('custom').nullish(),
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  defer_loading: z.boolean().nullish(),
});
/** Tools that the vendor runs itself: there is nobody here to run them. */
const vendorTool = z.looseObject({ type: z.string().min(1), name: z.string().min(1) });
export const toolSchema = z.union([ownTool, vendorTool]);
export type ToolBody = z.output<typeof toolSchema>;

const toolChoice = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('auto'), disable_parallel_tool_use: z.boolean().nullish() }),
  z.looseObject({ type: z.literal('any'), disable_parallel_tool_use: z.boolean().nullish() }),
  z.looseObject({ type: z.literal('tool'), name: z.string().min(1), disable_parallel_tool_use: z.boolean().nullish() }),
  z.looseObject({ type: z.literal('none') }),
]);

const prompt = {
  model: z.string().min(1),
  messages: z.array(message).min(1),
  system: z.union([z.string(), z.array(text)]).nullish(),
  tools: z.array(toolSchema).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: z.looseObject({ type: z.enum(['enabled', 'adaptive', 'disabled']) }).nullish(),
};

export const countTokensSchema = z.looseObject(prompt);
export type PromptBody = z.output<typeof countTokensSchema>;

export const messagesSchema = z.looseObject({
  ...prompt,
  max_tokens: z.int().min(1),
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  stop_sequences: z.array(z.string().min(1)).nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
});
export type MessagesBody = z.output<typeof messagesSchema>;
