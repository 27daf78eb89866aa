import { constants } from 'node:os';
import { SemanticError, type ErrorDetails } from '../../core/domain/errors.js';

/** KV could not be written: `what` was refused because of `reason`. */
export function persistenceError(what: string, reason: string, details: ErrorDetails = {}): SemanticError {
  return new SemanticError('CachePersistence', `[kv_store.${what}] ${reason}`, {
    hint: 'Answers go on from memory; `semantic cache inspect` shows the state of the store.',
    ...details,
  });
}

export function corruptionError(what: string, reason: string, cause?: unknown): SemanticError {
  return new SemanticError('CacheCorruption', `[kv_store.${what}] ${reason}`, cause === undefined ? {} : { cause });
}

/** Node has no name for a quota that is used up. */
const EDQUOT = -constants.errno.EDQUOT;

/** Name of what the operating system said, such as ENOSPC; null where it was not the operating system. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ('errno' in error && error.errno === EDQUOT) return 'EDQUOT';
  return 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

export function isMissing(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT';
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
