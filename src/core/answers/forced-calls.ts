/** A call that has to come (`tool_choice`): the constraint that sees to it, and how what then comes is read. */
import { toolConstraint } from '../constraints/tool-constraint.js';
import type { OutputConstraint, ToolCallSyntax } from '../domain/output-constraint.js';
import type { AnswerFormat } from './answer-format.js';
import type { ToolChoice, ToolDefinition } from './conversation.js';

export interface ForcedCalls {
  readonly constraint: OutputConstraint;
  readonly format: AnswerFormat;
}

const TAGGED: ToolCallSyntax = {
  open: '<tool_call>\n',
  before: '{"name": "',
  between: '", "arguments": ',
  after: '}',
  separator: '\n</tool_call>\n<tool_call>\n',
  close: '\n</tool_call>',
};

/** For families whose marks are special tokens, which a constraint over text cannot ask for. */
const BARE: ToolCallSyntax = { ...TAGGED, open: '[', separator: ', ', close: ']' };

/** Null where the model may choose. Throws InvalidRequest where there is no such tool. */
export function forcedCalls(
  tools: readonly ToolDefinition[],
  choice: ToolChoice,
  { parallel, format }: { readonly parallel: boolean; readonly format: AnswerFormat },
): ForcedCalls | null {
  if (choice.type === 'auto' || choice.type === 'none') return null;
  const isTagged = format.tools === 'hermes' || format.tools === 'json';
  const wanted = choice.type === 'tool' ? { name: choice.name } : 'required';
  const names = choice.type === 'any' ? choice.names : undefined;
  const callable = names === undefined ? tools : tools.filter(({ name }) => names.includes(name));
  return {
    constraint: toolConstraint(callable, wanted, isTagged ? TAGGED : BARE, parallel),
    // Forced to call at once, it cannot think first.
    format: { tools: isTagged ? format.tools : 'json', thinking: null, keepsSpecialTokens: false },
  };
}
