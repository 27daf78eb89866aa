/**
 * The Messages API as its clients write it (recordings: tests/fixtures/wire). What we understand is checked; keys of others pass unread, since
 * clients send new ones with every release.
 */
import { z } from 'zod';

const text = z.looseObject({ type: z.literal('text'), text: z.string() });
const thinking = z.looseObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().nullish() });
const toolUse = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});
const reference = z.looseObject({ type: z.literal('tool_reference'), tool_name: z.string().min(1) });
const image = z.looseObject({ type: z.literal('image') });
const searched = z.looseObject({ type: z.literal('search_result'), source: z.string(), title: z.string(), content: z.array(text) });
const document = z.looseObject({
  type: z.literal('document'),
  title: z.string().nullish(),
  context: z.string().nullish(),
  source: z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('text'), data: z.string() }),
    z.looseObject({
      type: z.literal('content'),
      content: z.union([z.string(), z.array(z.discriminatedUnion('type', [text, image]))]),
    }),
    z.looseObject({ type: z.enum(['base64', 'url', 'file']) }),
  ]),
});
/** A summary of turns, in their place. */
const compaction = z.looseObject({ type: z.literal('compaction'), content: z.string().nullish() });
/** What the vendor does on its own side, of which nothing is known here. */
const vendors = z.looseObject({
  type: z.enum([
    'redacted_thinking',
    'server_tool_use',
    'web_search_tool_result',
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'bash_code_execution_tool_result',
    'text_editor_code_execution_tool_result',
    'tool_search_tool_result',
    'advisor_tool_result',
    'mcp_tool_use',
    'mcp_tool_result',
    'mcp_tool_listing',
    'container_upload',
    'fallback',
  ]),
});

const ownTool = z.looseObject({
  type: z.literal('custom').nullish(),
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  defer_loading: z.boolean().nullish(),
  strict: z.boolean().nullish(),
});
export type OwnTool = z.output<typeof ownTool>;
/** Tools that the vendor runs itself: there is nobody here to run them. */
const vendorTool = z.looseObject({ type: z.string().min(1) });
export const toolSchema = z.union([ownTool, vendorTool], {
  error: 'wanted a tool with name and input_schema, or one of the vendor with a type',
});
export type ToolBody = z.output<typeof toolSchema>;

const changed = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('tool_reference'), name: z.string().min(1) }),
  z.looseObject({ type: z.literal('tool_definition'), definition: toolSchema }),
  z.looseObject({ type: z.enum(['mcp_tool_reference', 'mcp_toolset_reference']) }),
]);
const toolChange = z.looseObject({ type: z.enum(['tool_addition', 'tool_removal']), tool: changed });

const resultPart = z.discriminatedUnion('type', [text, reference, image, document, searched], {
  error: 'wanted a block of type text, tool_reference, document or search_result',
});
export type ResultPart = z.output<typeof resultPart>;
const toolResult = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: z.union([z.string(), z.array(resultPart)]).nullish(),
  is_error: z.boolean().nullish(),
});
export type ToolResult = z.output<typeof toolResult>;

const block = z.discriminatedUnion('type', [
  text,
  thinking,
  toolUse,
  toolResult,
  image,
  document,
  searched,
  compaction,
  toolChange,
  vendors,
]);
export type BlockBody = z.output<typeof block>;

const message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system'], { error: 'wanted "user", "assistant" or "system"' }),
  content: z.union([z.string(), z.array(block)], { error: 'wanted a string, or an array of content blocks of a known type' }),
});
export type MessageBody = z.output<typeof message>;

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
  thinking: z
    .looseObject({ type: z.enum(['enabled', 'adaptive', 'disabled']), display: z.enum(['summarized', 'omitted']).nullish() })
    .nullish(),
};

export const countTokensSchema = z.looseObject(prompt);
export type PromptBody = z.output<typeof countTokensSchema>;

const format = z.looseObject({
  type: z.literal('json_schema'),
  schema: z.union([z.record(z.string(), z.unknown()), z.boolean()], { error: 'wanted a JSON schema' }),
});

export const messagesSchema = z.looseObject({
  ...prompt,
  max_tokens: z.int().min(1),
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  stop_sequences: z.array(z.string().min(1)).nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
  output_config: z.looseObject({ format: format.nullish() }).nullish(),
  /** Its name before there was `output_config`. */
  output_format: format.nullish(),
});
export type MessagesBody = z.output<typeof messagesSchema>;
