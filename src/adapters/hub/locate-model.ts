/** Where a model's files are: a name of the catalogue, a folder under models/, or a path. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import { modelsDirectory } from '../paths/paths.js';
import { suggest } from '../suggest/suggest.js';
import { type CatalogueModel, readCatalogue } from './catalogue.js';

export interface LocatedModel {
  /** The name clients ask for it by. */
  readonly id: string;
  /** Absolute: a GGUF file, or a folder of safetensors with its config.json. */
  readonly path: string;
}

export interface InstalledModel extends LocatedModel {
  readonly bytes: number;
}

export function locateModel(name: string, directory = modelsDirectory()): LocatedModel {
  if (name.includes('/') || name.endsWith('.gguf')) return locatePath(name);
  const installed = installedModels(directory);
  const found = installed.find((model) => model.id === name);
  if (found !== undefined) return found;
  const catalogue = readCatalogue();
  if (catalogue.some((model) => model.name === name)) {
    throw new SemanticError('ModelNotFound', `[models] ${name} is not installed in ${directory}`, {
      hint: `Run: semantic models pull ${name}`,
      param: 'model',
    });
  }
  const names = [...new Set([...installed.map(({ id }) => id), ...catalogue.map((model) => model.name)])];
  throw new SemanticError('ModelNotFound', `[models] no model "${name}" is known or installed`, {
    hint: suggest(name, names) ?? `Known: ${names.join(', ')}.`,
    param: 'model',
  });
}

function locatePath(name: string): LocatedModel {
  const path = resolve(name);
  if (!existsSync(path)) throw new SemanticError('ModelFileMissing', `[models] there is no file or folder ${path}`, { param: 'model' });
  return { id: basename(path).replace(/\.gguf$/, ''), path };
}

/** Every folder under models/ that holds a model. */
export function installedModels(directory = modelsDirectory()): InstalledModel[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const folder = join(directory, entry.name);
    if (!statSync(folder).isDirectory()) return [];
    const files = readdirSync(folder);
    const gguf = files.find((file) => file.endsWith('.gguf'));
    const weights = files.filter((file) => file === gguf || (gguf === undefined && file.endsWith('.safetensors')));
    if (weights.length === 0) return [];
    const bytes = weights.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    return [{ id: entry.name, path: gguf === undefined ? folder : join(folder, gguf), bytes }];
  });
}

/** Where a pull puts the file. */
export function modelFile(model: CatalogueModel, directory = modelsDirectory()): string {
  return join(directory, model.name, model.file);
}
