/** A model in the making: a folder beside the others that nobody sees, until it takes its name as a whole. */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SemanticError } from '../../../core/domain/errors.js';
import { isModelId } from '../locate-model.js';
import { ORIGIN_FILE, type Origin, originText } from '../origin-file.js';
import { takePullLock } from './pull-lock.js';

export interface Staging {
  /** What is in it stays when it breaks off, for the next attempt to go on from. */
  readonly folder: string;
  /** The folder takes the name of the model, and the place of what has it now. Resolves to its path. */
  finish(source: string, files: Origin['files']): Promise<string>;
  discard(): Promise<void>;
  /** To be called in any case. */
  release(): Promise<void>;
}

/** Throws InvalidRequest for a name that cannot be one, ModelConflict while another process makes the same model. */
export async function openStaging(models: string, id: string): Promise<Staging> {
  if (!isModelId(id)) {
    throw new SemanticError('InvalidRequest', `[pull] ${JSON.stringify(id)} cannot be the name of a model`, {
      param: 'name',
      hint: 'A name has 1 to 128 letters, digits, dots, dashes and underscores, and begins with a letter or digit; --name sets it.',
    });
  }
  await mkdir(models, { recursive: true });
  const folder = join(models, `.pull-${id}`);
  const release = await takePullLock(`${folder}.lock`, id);
  await mkdir(folder, { recursive: true });
  return {
    folder,
    async finish(source, files) {
      await writeFile(join(folder, ORIGIN_FILE), originText(source, files));
      for (const { path } of files) await sync(join(folder, path));
      await sync(folder);
      const place = join(models, id);
      const before = existsSync(place) ? join(models, `.removed-${id}-${process.pid}`) : null;
      if (before !== null) await rename(place, before);
      await rename(folder, place);
      await sync(models);
      if (before !== null) await rm(before, { recursive: true, force: true });
      return place;
    },
    discard: () => rm(folder, { recursive: true, force: true }),
    release,
  };
}

/** A file's bytes, or a folder's names. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whatever is in the folder besides `paths` goes: leftovers of another revision. */
export async function keepOnly(folder: string, paths: readonly string[]): Promise<void> {
  const top = new Set(paths.map((path) => path.split('/')[0]!));
  for (const name of await readdir(folder)) {
    if (!top.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
