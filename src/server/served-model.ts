import { suggest } from '../adapters/suggest/suggest.js';
import { SemanticError } from '../core/domain/errors.js';

/** This daemon serves one model: any other name is answered with the one it has. */
export function assertServed(wanted: string, served: string): void {
  if (wanted === served) return;
  const hint = suggest(wanted, [served]) ?? `This daemon serves ${served}.`;
  throw new SemanticError('ModelNotFound', `there is no model "${wanted}" here.`, { param: 'model', hint });
}
