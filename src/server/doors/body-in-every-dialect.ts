import { dialectCode } from '../../core/domain/dialect-code.js';
import type { SemanticError } from '../../core/domain/errors.js';

/** An error as the clients of every dialect read it, where it is not known which one a client speaks. `type` is of the Messages API. */
export function bodyInEveryDialect({ code, message }: SemanticError, type: string): object {
  return { type: 'error', error: { type, message, param: null, code: dialectCode(code) } };
}
