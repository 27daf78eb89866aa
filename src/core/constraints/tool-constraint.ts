/** What `tool_choice` asks for -> a constraint. */
import { SemanticError } from '../domain/errors.js';
import type { CallableTool, MarkedCallSyntax, OutputConstraint, ToolCallSyntax } from '../domain/output-constraint.js';

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
  return { kind: 'tool_calls', tools: chosen.map(withSchema), syntax, parallel };
}

/** Calls that the model may make by its own choice: those of strict tools fit their schema, those of others are objects. */
export function strictConstraint(
  tools: readonly (CallableTool & { readonly isStrict?: boolean })[],
  syntax: MarkedCallSyntax,
  parallel: boolean,
): OutputConstraint {
  const callable = tools.map(({ name, parameters, isStrict }) => withSchema({ name, parameters: isStrict === true ? parameters : {} }));
  return { kind: 'marked_calls', tools: callable, syntax, parallel };
}

function withSchema({ name, parameters }: CallableTool): CallableTool {
  return { name, parameters: argumentsSchema(parameters) };
}

function argumentsSchema(parameters: unknown): unknown {
  const isEmpty = typeof parameters !== 'object' || parameters === null || Object.keys(parameters).length === 0;
  return isEmpty ? { type: 'object' } : parameters;
}
