/** What cannot be done about a model, and what to do instead. */
import { SemanticError } from '../domain/errors.js';
import type { SwapJob } from './swap-report.js';

export function isPinned(name: string): SemanticError {
  return new SemanticError('ModelConflict', `[models] ${name} is pinned`, { hint: `Run: semantic models unpin ${name}` });
}

export function wasUnloaded(name: string, retryAfterSeconds: number): SemanticError {
  return new SemanticError('ModelUnavailable', `[models] ${name} was taken out of memory before the answer was complete`, {
    retryAfterSeconds,
  });
}

export function isNotInMemory(name: string): SemanticError {
  return new SemanticError('ModelConflict', `[models] ${name} is not in memory`, {
    param: 'model',
    hint: `Run: semantic models load ${name}`,
  });
}

/** Nobody brings the current model back by itself. */
export function noCurrent(name: string, retryAfterSeconds: number): SemanticError {
  return new SemanticError('ModelUnavailable', `[models] ${name} is not in memory`, {
    hint: `Run: semantic models load ${name}`,
    retryAfterSeconds,
  });
}

export function mayNotCome(name: string): SemanticError {
  return new SemanticError('ModelNotFound', `[models] ${name} is installed, but not in memory`, {
    param: 'model',
    hint: `Run: semantic models swap ${name}, or set models.autoload = true.`,
  });
}

export function noPlace(maxResident: number): SemanticError {
  return new SemanticError('ModelConflict', `[models.load] ${maxResident} models may be in memory, and none of those there may go`, {
    hint: 'Exchange one (`semantic models swap`), unload one, or raise models.max_resident.',
  });
}

export function isBeingExchanged({ from, to, id }: SwapJob): SemanticError {
  return new SemanticError('ModelConflict', `[models.swap] ${from ?? 'nothing'} is being exchanged for ${to} (${id})`, {
    hint: 'Wait until that is over.',
  });
}
