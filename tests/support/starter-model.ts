/** The model the tests run on: the one `npm test` has put into the data directory. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { catalogueModel } from '../../src/adapters/hub/catalogue.js';
import { modelFile } from '../../src/adapters/hub/locate-model.js';

export const STARTER_MODEL = 'smollm2-135m-instruct';

export const EMBEDDING_MODEL = 'all-minilm-l6-v2';

/** Absolute path of the GGUF file; throws what to do when it is not there. */
export function starterModelFile(): string {
  const path = modelFile(catalogueModel(STARTER_MODEL));
  if (!existsSync(path))
    throw new Error(`the starter model is not at ${path}: run npm test, which fetches it, or semantic models pull ${STARTER_MODEL}`);
  return path;
}

/** Folder of the embedding model, from the same place. */
export function embeddingModelFolder(): string {
  const path = modelFile(catalogueModel(EMBEDDING_MODEL));
  if (!existsSync(path))
    throw new Error(`the embedding model is not at ${path}: run npm test, which fetches it, or semantic models pull ${EMBEDDING_MODEL}`);
  return dirname(path);
}

/** The models/ folder it is in. */
export function starterModelsDirectory(): string {
  return dirname(dirname(starterModelFile()));
}
