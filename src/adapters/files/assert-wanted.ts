import { SemanticError } from '../../core/domain/errors.js';

/** Throws Cancelled once whoever asked for the work has gone away. */
export function assertWanted(signal: AbortSignal): void {
  if (signal.aborted) throw new SemanticError('Cancelled', 'the work was stopped');
}
