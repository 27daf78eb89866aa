import { AliasBook } from '../adapters/hub/alias-book.js';
import { readCatalogue } from '../adapters/hub/catalogue.js';
import { installedModel, installedModels } from '../adapters/hub/locate-model.js';
import { ModelNames } from '../adapters/hub/model-names.js';
import type { ModelUse } from '../adapters/hub/model-use.js';
import { aliasesFile } from '../adapters/paths/paths.js';
import { SemanticError } from '../core/domain/errors.js';

/** The names that the one model of this daemon answers to: its own, its aliases, and those of vendors that clients know. */
export class ServedModel {
  constructor(
    readonly id: string,
    private readonly names: ModelNames,
    private readonly use: ModelUse,
  ) {}

  /** Throws ModelNotFound for any other name. */
  assertServes(wanted: string): void {
    const model = this.names.resolve(wanted);
    if (model === this.id) return this.use.used(model);
    throw new SemanticError('ModelNotFound', `[models] ${model} is installed, but this daemon serves ${this.id}`, { param: 'model' });
  }
}

/** Names as they are on this machine. `resident`: see there. `vendors`: setting model.aliases. */
export function namesHere(vendors: readonly string[], resident: () => readonly string[], report: (error: unknown) => void): ModelNames {
  const book = new AliasBook(aliasesFile(), report);
  return new ModelNames({
    isInstalled: (id) => installedModel(id) !== null,
    installed: () => installedModels().map(({ id }) => id),
    aliases: () => book.read(),
    catalogue: () => readCatalogue().map(({ name }) => name),
    resident,
    vendors,
  });
}
