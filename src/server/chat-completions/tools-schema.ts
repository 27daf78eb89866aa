/** Tools, and which of them have to be called; both in the form of now and in the one before. */
import { z } from 'zod';

const functionBody = z.looseObject({
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});
export type FunctionBody = z.output<typeof functionBody>;

const tool = z.looseObject({
  type: z.literal('function', { error: 'wanted "function": other tools are not understood here' }),
  function: functionBody,
});
const named = z.looseObject({ name: z.string().min(1) });

const toolChoice = z.union(
  [
    z.enum(['none', 'auto', 'required']),
    z.looseObject({ type: z.literal('function'), function: named }),
    z.looseObject({
      type: z.literal('allowed_tools'),
      allowed_tools: z.looseObject({
        mode: z.enum(['auto', 'required']),
        tools: z.array(z.looseObject({ type: z.literal('function'), function: named })).min(1),
      }),
    }),
  ],
  { error: 'wanted "none", "auto", "required", {type: "function", function: {name}} or {type: "allowed_tools", allowed_tools}' },
);

export const toolFields = {
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(functionBody).nullish(),
  function_call: z.union([z.enum(['none', 'auto']), named], { error: 'wanted "none", "auto" or {name}' }).nullish(),
};

const toolsSchema = z.object(toolFields);
export type ToolsBody = z.output<typeof toolsSchema>;
