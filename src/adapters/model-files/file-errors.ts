import { SemanticError } from '../../core/domain/errors.js';

/** A file that could not be opened: missing, or not readable. */
export function fileMissing(path: string, cause: unknown): SemanticError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : cause instanceof Error ? cause.message : 'unknown error';
  const reason = code === 'ENOENT' ? 'there is no such file' : `it cannot be opened (${code})`;
  return new SemanticError('ModelFileMissing', `[model_files.read] wanted ${path}, but ${reason}`, {
    hint: '`semantic models pull <name>` fetches a model; `semantic models ls` shows what is installed.',
    cause,
  });
}
