/** The models that routes answer with. */
import { AliasBook } from '../adapters/hub/alias-book.js';
import { readCatalogue } from '../adapters/hub/catalogue.js';
import { installedModel, installedModels } from '../adapters/hub/locate-model.js';
import { ModelNames } from '../adapters/hub/model-names.js';
import { aliasesFile } from '../adapters/paths/paths.js';
import type { ModelResidency } from '../core/residency/model-residency.js';

export type ServedModels = Pick<ModelResidency, 'acquire' | 'find' | 'list'>;

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
