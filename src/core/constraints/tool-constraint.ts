/** What `tool_choice` asks for -> a constraint. */
import { SemanticError } from '../domain/errors.js';
import type { CallableTool, OutputConstraint, ToolCallSyntax } from '../domain/output-constraint.js';

/** Any of the tools, or the one of a name. */
export type ForcedToolChoice = 'required' | { readonly name: string };

/** Throws InvalidRequest where there is no such tool. A tool without a schema takes an object of any shape. */
export function toolConstraint(
  tools: readonly CallableTool[],
  choice: ForcedToolChoice,
  syntax: ToolCallSyntax,
  parallel: boolean,
): OutputConstraint {
  const chosen = choice === 'required' ? tools : tools.filter(({ name }) => name === choice.name);
  if (chosen.length === 0) {
    const wanted = choice === 'required' ? 'a tool' : `the tool ${JSON.stringify(choice.name)}`;
    const message = `tool_choice: wanted ${wanted}, got ${tools.map(({ name }) => JSON.stringify(name)).join(', ') || 'none'}`;
    throw new SemanticError('InvalidRequest', message, { param: 'tool_choice' });
  }
  const callable = chosen.map(({ name, parameters }) => ({ name, parameters: argumentsSchema(parameters) }));
  return { kind: 'tool_calls', tools: callable, syntax, parallel };
}

function argumentsSchema(parameters: unknown): unknown {
  const isEmpty = typeof parameters !== 'object' || parameters === null || Object.keys(parameters).length === 0;
  return isEmpty ? { type: 'object' } : parameters;
}
