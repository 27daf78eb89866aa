/** A model that is on this machine already, by links to its files or by copies of them. */
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Origin } from '../origin-file.js';
import { assertWanted } from '../../files/assert-wanted.js';
import { chooseFiles } from './choose-files.js';
import { hashContent } from './hash-content.js';
import { inPlace } from './is-in-place.js';
import type { Pulled, PullOptions } from './pull-result.js';
import { requireSpace } from './require-space.js';
import { openStaging } from './staging.js';

export interface LocalSource {
  readonly path: string;
  readonly isFolder: boolean;
}

/** Links have no hashes noted: the files stay their owner's, who may change them. */
export async function installLocal({ path, isFolder }: LocalSource, how: 'link' | 'copy', options: PullOptions): Promise<Pulled> {
  const folder = isFolder ? path : dirname(path);
  const names = isFolder ? await filesIn(folder) : [basename(path)];
  const { format, paths } = chooseFiles(path, names, null);
  const id = options.name ?? basename(path).replace(/\.gguf$/i, '');
  const there = await inPlace(id, path, options);
  if (there !== null) return there;
  const sizes = await Promise.all(paths.map(async (name) => (await stat(join(folder, name))).size));
  const total = sizes.reduce((a, b) => a + b, 0);
  const staging = await openStaging(options.models, id);
  try {
    if (how === 'copy') await requireSpace(staging.folder, total, id);
    const files: Origin['files'] = [];
    let done = 0;
    for (const [i, name] of paths.entries()) {
      assertWanted(options.signal);
      const [from, to] = [join(folder, name), join(staging.folder, name)];
      await mkdir(dirname(to), { recursive: true });
      await rm(to, { force: true });
      if (how === 'link') await symlink(from, to);
      else
        files.push(await copy(from, to, name, (bytes) => options.onProgress({ phase: 'copy', done: (done += bytes), total }), sizes[i]!));
    }
    const place = await staging.finish(path, files);
    return { name: id, path: format === 'gguf' ? join(place, paths[0]!) : place, bytes: total, source: path, fetched: true };
  } finally {
    await staging.release();
  }
}

async function copy(from: string, to: string, path: string, onBytes: (n: number) => void, bytes: number): Promise<Origin['files'][number]> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const { sha256 } = await hashContent(to, bytes, onBytes);
  return { path, bytes, sha256 };
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder);
  const files = await Promise.all(
    entries.map(async (name) => ((await stat(join(folder, name)).catch(() => null))?.isFile() === true ? [name] : [])),
  );
  const pooling = join('1_Pooling', 'config.json');
  return [...files.flat(), ...((await stat(join(folder, pooling)).catch(() => null)) === null ? [] : [pooling])];
}
