/** How a model family marks thinking and tool calls in what it writes. */

export const TOOL_SYNTAXES = ['hermes', 'llama', 'pythonic', 'mistral', 'gemma', 'harmony', 'json'] as const;
export type ToolSyntax = (typeof TOOL_SYNTAXES)[number];

export interface ThinkingTags {
  readonly open: string;
  readonly close: string;
}

export interface AnswerFormat {
  readonly tools: ToolSyntax;
  /** Null = the family does not think aloud. */
  readonly thinking: ThinkingTags | null;
  /** Its marks are special tokens, so they must be kept in the text. */
  readonly keepsSpecialTokens: boolean;
}

const THINK: ThinkingTags = { open: '<think>', close: '</think>' };

/** By what the family's chat template writes; `json` where the template knows no tools. */
export function answerFormatOf(template: string): AnswerFormat {
  const thinking = template.includes('</think>') ? THINK : null;
  const of = (tools: ToolSyntax, keepsSpecialTokens = false): AnswerFormat => ({ tools, thinking, keepsSpecialTokens });
  if (template.includes('<|channel|>')) return { tools: 'harmony', thinking: null, keepsSpecialTokens: true };
  if (template.includes('[TOOL_CALLS]')) return of('mistral', true);
  if (template.includes('<tool_call>')) return of('hermes');
  if (template.includes('<|python_tag|>')) return of('llama', true);
  if (template.includes('<|python_start|>') || template.includes('<|start_header_id|>')) return of('llama', true);
  if (template.includes('<start_of_turn>')) return of('gemma');
  return of('json');
}
