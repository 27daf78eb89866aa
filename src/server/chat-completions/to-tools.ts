/** Tools of a chat completion, in either form -> those that are offered, and what has to be called. */
import type { Prompt } from '../../core/answers/answerer.js';
import type { ToolChoice, ToolDefinition } from '../../core/answers/conversation.js';
import { invalidField } from '../request-body.js';
import type { FunctionBody, ToolsBody } from './tools-schema.js';

export type ToolPart = Pick<Prompt, 'tools' | 'toolChoice' | 'parallelCalls'>;

export function toTools(body: ToolsBody): ToolPart {
  const { tools, functions, tool_choice: choice, function_call: functionCall, parallel_tool_calls: parallel } = body;
  if (functions) {
    if (tools) throw invalidField('functions', 'wanted tools or functions, got both');
    const offered = functions.map(toTool);
    const toolChoice: ToolChoice =
      typeof functionCall === 'object' && functionCall !== null
        ? oneOf(offered, functionCall.name, 'function_call.name')
        : { type: functionCall ?? 'auto' };
    return { tools: offered, toolChoice, parallelCalls: false };
  }
  const offered = (tools ?? []).map((tool) => toTool(tool.function));
  if (choice === null || choice === undefined) return { tools: offered, toolChoice: { type: 'auto' }, parallelCalls: parallel ?? true };
  if (typeof choice === 'string') {
    if (choice === 'required') return { tools: offered, toolChoice: anyOf(offered), parallelCalls: parallel ?? true };
    return { tools: offered, toolChoice: { type: choice }, parallelCalls: parallel ?? true };
  }
  if (choice.type === 'function') {
    const toolChoice = oneOf(offered, choice.function.name, 'tool_choice.function.name');
    // Asked for by name it is wanted once, unless more is said.
    return { tools: offered, toolChoice, parallelCalls: parallel ?? false };
  }
  const { mode, tools: allowed } = choice.allowed_tools;
  const names = allowed.map((tool, i) => {
    const { name } = tool.function;
    oneOf(offered, name, `tool_choice.allowed_tools.tools[${i}].function.name`);
    return name;
  });
  // Where none is forced, only what is not offered is sure not to be called.
  if (mode === 'auto')
    return { tools: offered.filter(({ name }) => names.includes(name)), toolChoice: { type: 'auto' }, parallelCalls: parallel ?? true };
  return { tools: offered, toolChoice: { ...anyOf(offered), names }, parallelCalls: parallel ?? true };
}

function toTool({ name, description, parameters, strict }: FunctionBody): ToolDefinition {
  return {
    name,
    description: description ?? null,
    parameters: parameters ?? { type: 'object', properties: {} },
    ...(strict === true ? { isStrict: true } : {}),
  };
}

function anyOf(tools: readonly ToolDefinition[]): { readonly type: 'any' } {
  if (tools.length === 0) throw invalidField('tool_choice', 'wanted tools beside it to choose from');
  return { type: 'any' };
}

function oneOf(tools: readonly ToolDefinition[], name: string, param: string): ToolChoice {
  if (tools.some((tool) => tool.name === name)) return { type: 'tool', name };
  throw invalidField(param, `there is no tool ${JSON.stringify(name)} among the tools`);
}
