/** What tells a model of its tools whose chat template knows of none, in the form that most open models were trained on. */
import type { ToolDefinition } from './conversation.js';

/** Definitions, as that prompt lists them. */
export function toolList(tools: readonly ToolDefinition[]): string {
  const listed = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ type: 'function', function: { name, ...(description === null ? {} : { description }), parameters } }),
  );
  return ['<tools>', ...listed, '</tools>'].join('\n');
}

export function toolPrompt(tools: readonly ToolDefinition[]): string {
  return [
    '# Tools',
    '',
    'You may call one or more functions to assist with the user query.',
    '',
    'You are provided with function signatures within <tools></tools> XML tags:',
    toolList(tools),
    '',
    'For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:',
    '<tool_call>',
    '{"name": <function-name>, "arguments": <args-json-object>}',
    '</tool_call>',
  ].join('\n');
}

/** A call as that prompt asks for it. */
export function toolCallText(name: string, json: string): string {
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${json}}\n</tool_call>`;
}

export function toolResultText(text: string): string {
  return `<tool_response>\n${text}\n</tool_response>`;
}
