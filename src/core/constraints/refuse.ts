import { SemanticError } from '../domain/errors.js';

/** `origin`: json_schema, regex, grammar. The message says what is wrong and where. */
export function refuse(origin: string, message: string, hint?: string): never {
  throw new SemanticError('InvalidRequest', `[constraint.${origin}] ${message}`, hint === undefined ? {} : { hint });
}
