import type { OutputConstraint } from '../domain/output-constraint.js';
import { SemanticError } from '../domain/errors.js';

export type ConstraintKind = OutputConstraint['kind'];

/** The field of a request that says it. */
const PARAM_OF: Readonly<Record<ConstraintKind, string>> = {
  json_object: 'response_format',
  json_schema: 'response_format',
  regex: 'guided_regex',
  grammar: 'guided_grammar',
  tool_calls: 'tool_choice',
  marked_calls: 'tools',
};

/** The message says what is wrong and where. */
export function refusal(kind: ConstraintKind, message: string, hint?: string): SemanticError {
  const details = hint === undefined ? {} : { hint };
  return new SemanticError('InvalidRequest', `[constraint.${kind}] ${message}`, { param: PARAM_OF[kind], ...details });
}

export function refuse(kind: ConstraintKind, message: string, hint?: string): never {
  throw refusal(kind, message, hint);
}
