/** Calls that are not left to the model (`tool_choice`, strict tools): the constraint that sees to it, and how what then comes is read. */
import { strictConstraint, toolConstraint } from '../constraints/tool-constraint.js';
import type { MarkedCallSyntax, OutputConstraint, ToolCallSyntax } from '../domain/output-constraint.js';
import type { AnswerFormat } from './answer-format.js';
import type { ToolChoice, ToolDefinition } from './conversation.js';

export interface BoundCalls {
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

/** Calls that have to come; null where the model may choose. Throws InvalidRequest where there is no such tool. */
export function forcedCalls(
  tools: readonly ToolDefinition[],
  choice: ToolChoice,
  { parallel, format }: { readonly parallel: boolean; readonly format: AnswerFormat },
): BoundCalls | null {
  if (choice.type === 'auto' || choice.type === 'none') return null;
  const isTagged = marksWithTags(format);
  const wanted = choice.type === 'tool' ? { name: choice.name } : 'required';
  const names = choice.type === 'any' ? choice.names : undefined;
  const callable = names === undefined ? tools : tools.filter(({ name }) => names.includes(name));
  return {
    constraint: toolConstraint(callable, wanted, isTagged ? TAGGED : BARE, parallel),
    // Forced to call at once, it cannot think first.
    format: { tools: isTagged ? format.tools : 'json', thinking: null, keepsSpecialTokens: false },
  };
}

/**
 * Calls that may come: behind the family's tag there is one of a tool, and it fits the schema of a strict one. Null where no tool is strict,
 * and for families whose calls begin with a special token, or like any text: nothing can be asked of these.
 */
export function strictCalls(
  tools: readonly ToolDefinition[],
  choice: ToolChoice,
  { parallel, format }: { readonly parallel: boolean; readonly format: AnswerFormat },
): BoundCalls | null {
  if (choice.type !== 'auto' || !marksWithTags(format) || !tools.some(({ isStrict }) => isStrict === true)) return null;
  return { constraint: strictConstraint(tools, MARKED, parallel), format: { ...format, tools: 'hermes' } };
}

const MARKED: MarkedCallSyntax = {
  mark: '<tool_call>',
  before: `\n${TAGGED.before}`,
  between: TAGGED.between,
  after: TAGGED.after + TAGGED.close,
};

function marksWithTags({ tools }: AnswerFormat): boolean {
  return tools === 'hermes' || tools === 'json';
}
