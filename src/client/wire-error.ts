import { z } from 'zod';
import { type ErrorCode, SemanticError } from '../core/domain/errors.js';
import { codeFromDialect } from '../core/domain/dialect-code.js';

const bodySchema = z.object({ error: z.object({ message: z.string(), param: z.string().nullish(), code: z.string().nullish() }) });

/** The daemon's error as the one that was thrown inside it; null when the body is no error. */
export function wireError(body: unknown): SemanticError | null {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) return null;
  const { message, param, code } = parsed.data.error;
  const known: ErrorCode = codeFromDialect(code ?? '') ?? 'Internal';
  return new SemanticError(known, message, param === null || param === undefined ? {} : { param });
}
