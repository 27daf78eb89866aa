/** Where a model's files are: a folder under models/, by its name or an alias, or a path. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import { aliasesFile, modelsDirectory } from '../paths/paths.js';
import { suggest } from '../suggest/suggest.js';
import { type Aliases, readAliases } from './alias-file.js';
import { type CatalogueModel, readCatalogue } from './catalogue.js';
import { aliasTarget } from './model-names.js';

export interface LocatedModel {
  /** The name clients ask for it by. */
  readonly id: string;
  /** Absolute: a GGUF file, or a folder of safetensors with its config.json. */
  readonly path: string;
}

export interface InstalledModel extends LocatedModel {
  readonly bytes: number;
}

/** `name`: an id, an alias or a path. Throws ModelNotFound, ModelFileMissing. */
export function locateModel(name: string, directory = modelsDirectory(), aliases: Aliases = readAliases(aliasesFile())): LocatedModel {
  const found = installedModel(name, directory) ?? installedModel(aliasTarget(aliases, name) ?? '', directory);
  if (found !== null) return { id: found.id, path: found.path };
  if (name.includes('/') || name.endsWith('.gguf')) return locatePath(name);
  const catalogue = readCatalogue();
  if (catalogue.some((model) => model.name === name)) {
    throw new SemanticError('ModelNotFound', `[models] ${name} is not installed`, {
      hint: `Run: semantic models pull ${name}`,
      param: 'model',
    });
  }
  const installed = installedModels(directory);
  const names = [...new Set([...installed.map(({ id }) => id), ...aliases.keys(), ...catalogue.map((model) => model.name)])];
  throw new SemanticError('ModelNotFound', `[models] no model "${name}" is known or installed`, {
    hint: suggest(name, names) ?? `Known: ${names.join(', ')}.`,
    param: 'model',
  });
}

/** Uses a model that was located. Throws ModelNotFound where what is missing is all of it: it was removed meanwhile. */
export async function whileThere<T>(model: LocatedModel, use: (model: LocatedModel) => Promise<T>): Promise<T> {
  try {
    return await use(model);
  } catch (error) {
    const { code } = error as Partial<NodeJS.ErrnoException>;
    if ((code !== 'ModelFileMissing' && code !== 'ENOENT') || existsSync(model.path)) throw error;
    throw new SemanticError('ModelNotFound', `[models] ${model.id} was removed just now`, { param: 'model', cause: error });
  }
}

function locatePath(name: string): LocatedModel {
  const path = resolve(name);
  if (!existsSync(path)) throw new SemanticError('ModelFileMissing', `[models] there is no file or folder ${path}`, { param: 'model' });
  return { id: basename(path).replace(/\.gguf$/, ''), path };
}

/** Every folder under models/ that holds a model. Those that begin with a dot are models in the making. */
export function installedModels(directory = modelsDirectory()): InstalledModel[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((id) => installedModel(id, directory) ?? []);
}

/** Null where there is none of this id; any text may be asked for. */
export function installedModel(id: string, directory = modelsDirectory()): InstalledModel | null {
  if (!isModelId(id)) return null;
  const folder = join(directory, id);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  const files = readdirSync(folder);
  const gguf = files.find((file) => file.endsWith('.gguf'));
  const weights = files.filter((file) => file === gguf || (gguf === undefined && file.endsWith('.safetensors')));
  const sizes = weights.map((file) => statSync(join(folder, file), { throwIfNoEntry: false })?.size);
  if (sizes.length === 0 || sizes.includes(undefined)) return null;
  return { id, path: gguf === undefined ? folder : join(folder, gguf), bytes: sizes.reduce<number>((sum, size) => sum + size!, 0) };
}

export function modelFolder({ path }: InstalledModel): string {
  return path.endsWith('.gguf') ? dirname(path) : path;
}

/** What can be the name of a folder under models/. */
export function isModelId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,127}$/.test(text);
}

/** Where a pull puts the file. */
export function modelFile(model: CatalogueModel, directory = modelsDirectory()): string {
  return join(directory, model.name, model.file);
}
