/** Everything that is known of models on this machine: those installed, and those of the catalogue that could be. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import type { ModelFacts } from '../model-files/model-facts.js';
import { aliasesFile, dataDirectory, modelsDirectory } from '../paths/paths.js';
import { suggest } from '../suggest/suggest.js';
import { type Aliases, readAliases } from './alias-file.js';
import { type CatalogueModel, readCatalogue } from './catalogue.js';
import { factsOf } from './facts-memory.js';
import { type InstalledModel, installedModel, installedModels, modelFolder } from './locate-model.js';
import { aliasTarget } from './model-names.js';
import { readUse, type Use } from './model-use.js';
import { ORIGIN_FILE, readOrigin } from './origin-file.js';

export interface LibraryModel extends ModelFacts {
  readonly id: string;
  readonly installed: boolean;
  /** Of the weights. */
  readonly bytes: number;
  readonly path: string | null;
  readonly aliases: readonly string[];
  readonly use: Use | null;
  readonly title: string | null;
  readonly licence: string | null;
}

export interface LibraryFile {
  readonly path: string;
  readonly bytes: number;
  /** As it was fetched or made; null where nobody knows. */
  readonly sha256: string | null;
}

export interface LibraryModelDetail extends LibraryModel {
  readonly source: string | null;
  readonly files: readonly LibraryFile[];
}

export interface LibraryPlaces {
  readonly models: string;
  readonly aliases: string;
  readonly facts: string;
  readonly use: string;
}

export function libraryHere(): LibraryPlaces {
  const data = dataDirectory();
  return { models: modelsDirectory(), aliases: aliasesFile(), facts: join(data, 'model-facts.json'), use: join(data, 'model-use.json') };
}

/** By id. */
export async function listModels(places: LibraryPlaces = libraryHere()): Promise<LibraryModel[]> {
  const installed = installedModels(places.models);
  const rows = (await describe(installed, places)).filter(({ path }) => path !== null && existsSync(path)); // some may be gone by now
  const ids = new Set(installed.map(({ id }) => id));
  const available = readCatalogue().filter(({ name }) => !ids.has(name));
  return [...rows, ...available.map(availableModel)].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** `name`: an id or an alias of an installed model, or a name of the catalogue. Throws ModelNotFound. */
export async function showModel(name: string, places: LibraryPlaces = libraryHere()): Promise<LibraryModelDetail> {
  const aliases = readAliases(places.aliases);
  const found = installedModel(name, places.models) ?? installedModel(aliasTarget(aliases, name) ?? '', places.models);
  if (found !== null) {
    const source = readOrigin(modelFolder(found))?.source ?? catalogueEntry(found.id)?.name ?? null;
    const files = filesOf(found); // before anything is waited for, since it may be removed meanwhile
    const [row] = await describe([found], places);
    return { ...row!, source, files };
  }
  const known = catalogueEntry(name);
  if (known !== undefined) {
    const files = [known, ...known.beside].map(({ file, bytes, sha256 }) => ({ path: file, bytes, sha256 }));
    return { ...availableModel(known), source: name, files };
  }
  throw notFound(name, aliases, places.models);
}

/** The installed model that `name` means. Throws ModelNotFound. */
export function findInstalled(name: string, places: LibraryPlaces = libraryHere()): InstalledModel {
  const aliases = readAliases(places.aliases);
  const found = installedModel(name, places.models) ?? installedModel(aliasTarget(aliases, name) ?? '', places.models);
  if (found === null) throw notFound(name, aliases, places.models);
  return found;
}

/** Every file of the model's folder, with the hash it should have. */
export function filesOf(model: InstalledModel): LibraryFile[] {
  const folder = modelFolder(model);
  const origin = readOrigin(folder);
  const known = catalogueEntry(model.id);
  const hashes = new Map(origin?.files.map(({ path, sha256 }) => [path, sha256]));
  if (origin === null && known !== undefined) for (const one of [known, ...known.beside]) hashes.set(one.file, one.sha256);
  const here = readdirSync(folder).filter(
    (name) => name !== ORIGIN_FILE && statSync(join(folder, name), { throwIfNoEntry: false })?.isFile(),
  );
  return [...new Set([...here, ...hashes.keys()])].toSorted().map((path) => {
    const file = join(folder, path);
    return { path, bytes: existsSync(file) ? statSync(file).size : 0, sha256: hashes.get(path) ?? null };
  });
}

async function describe(installed: readonly InstalledModel[], places: LibraryPlaces): Promise<LibraryModel[]> {
  const [facts, use] = await Promise.all([factsOf(installed, places.facts), readUse(places.use)]);
  const aliases = [...readAliases(places.aliases)];
  return installed.map(({ id, bytes, path }, i) => {
    const known = catalogueEntry(id);
    return {
      ...facts[i]!,
      id,
      installed: true,
      bytes,
      path,
      aliases: aliases.filter(([, model]) => model === id).map(([name]) => name),
      use: use.get(id) ?? null,
      title: known?.title ?? null,
      licence: known?.licence ?? null,
    };
  });
}

function availableModel({ name, bytes, title, licence, contextLength }: CatalogueModel): LibraryModel {
  const unknown = { format: null, architecture: null, quantization: null, problem: null, use: null, aliases: [], path: null };
  return { ...unknown, id: name, installed: false, bytes, contextLength, title, licence };
}

function catalogueEntry(name: string): CatalogueModel | undefined {
  return readCatalogue().find((model) => model.name === name);
}

function notFound(name: string, aliases: Aliases, directory: string): SemanticError {
  const names = [...installedModels(directory).map(({ id }) => id), ...aliases.keys()];
  return new SemanticError('ModelNotFound', `[models] no model "${name}" is installed`, {
    param: 'model',
    hint: suggest(name, names) ?? 'See semantic models ls.',
  });
}
