/** Opens the store's directory: who may, what is there, what of it is good. */
import { readdir, readFile, stat, chmod } from 'node:fs/promises';
import { join } from 'node:path';

import { blockRecord } from './catalogue.js';
import { extentFile, extentIdOf, isBrokenIndex, storePaths, type StorePaths } from './directory.js';
import { DIRECTORY_MODE, FILE_MODE, makeDirectory, removeFile, writeFileDurably } from './file-io.js';
import { formatLine, readFormat, STORE_FORMAT } from './format-file.js';
import { IndexThread, type OpenedIndex } from './index-thread.js';
import { loadCatalogue, type LoadedCatalogue } from './load-catalogue.js';
import type { KvStoreOptions } from './options.js';
import { probeDisk } from './probe-disk.js';
import { listQuarantine } from './quarantine.js';
import { rebuildFromExtents } from './rebuild.js';
import type { StoreRecord } from './records.js';
import { replaceIndex } from './replace-index.js';
import { FIRST_ROW, StoreCore } from './store-core.js';
import { describe } from './store-errors.js';

/** Throws with the reason where the directory is another's, of a newer format, or cannot be used. */
export async function openCore(options: KvStoreOptions): Promise<StoreCore> {
  const paths = storePaths(options.directory);
  await makeDirectory(paths.directory);
  await assertFormat(paths);
  const index = new IndexThread(paths.index, paths.lock);
  try {
    const opened = await index.open();
    if (opened === null) throw new Error(await lockedReason(paths));
    await assertFormat(paths); // whoever held the lock before may have been newer
    return await openLocked(options, paths, index, opened);
  } catch (error) {
    await index.close();
    throw error;
  }
}

async function assertFormat(paths: StorePaths): Promise<void> {
  const version = await readFormat(paths.format);
  if (version === null || version <= STORE_FORMAT) return;
  throw new Error(
    `${paths.directory} is of format ${version}, written by a newer version; this one knows ${STORE_FORMAT} and leaves it as it is`,
  );
}

async function lockedReason({ directory, lockOwner }: StorePaths): Promise<string> {
  const pid = /^\d+/.exec(await readFile(lockOwner, 'utf8').catch(() => ''))?.[0] ?? 'unknown';
  return `another process (pid ${pid}) uses ${directory}`;
}

async function openLocked(options: KvStoreOptions, paths: StorePaths, index: IndexThread, opened: OpenedIndex): Promise<StoreCore> {
  const { log } = options;
  await prepareDirectory(options, paths);
  const files = await extentFiles(paths);
  const loaded = loadCatalogue(opened.records, files);
  const core = new StoreCore(options, paths, loaded.catalogue, index, Math.max(FIRST_ROW, loaded.highestRow + 1), loaded.day, probeDisk);
  core.quarantined = (await listQuarantine(core)).length;
  if (loaded.lostImages > 0) log('warn', 'kv store: images are missing on disk', { images: loaded.lostImages });
  const isLost = opened.records.size === 0 && files.size > 0;
  const isDamaged = opened.damage !== null || opened.damagedRows.length > 0 || isLost;
  const reason = opened.damage ?? (isLost ? 'it is empty' : 'rows whose checksum does not fit');
  if (isDamaged) log('error', 'kv store: the index is damaged', { reason, rows: opened.damagedRows.length });
  const rebuilt = isDamaged ? await rebuildFromExtents(core, files) : new Map<number, StoreRecord>();
  if (isDamaged) log('info', 'kv store: brought back from the extents', { rows: rebuilt.size });
  try {
    if (opened.damage !== null) await replaceIndex(core);
    else await writeRepairs(core, loaded, rebuilt, opened.damagedRows);
  } catch (error) {
    core.isIndexDamaged ||= opened.damage !== null;
    core.refused('open', error); // reading goes on
  }
  await sweep(core, files);
  return core;
}

/** Format, directories, modes, who we are. None of it stops the store from reading. */
async function prepareDirectory({ log }: KvStoreOptions, paths: StorePaths): Promise<void> {
  try {
    if ((await readFormat(paths.format)) === null) await writeFileDurably(paths.format, Buffer.from(formatLine(STORE_FORMAT)));
    for (const directory of [paths.extents, paths.quarantine]) await makeDirectory(directory);
    await correctModes(paths);
    await writeFileDurably(paths.lockOwner, Buffer.from(`${process.pid}\n`));
  } catch (error) {
    log('warn', 'kv store: the directory could not be prepared', { directory: paths.directory, error: describe(error) });
  }
}

async function correctModes(paths: StorePaths): Promise<void> {
  for (const directory of [paths.directory, paths.extents, paths.quarantine]) {
    await correctMode(directory, DIRECTORY_MODE);
    const files = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile());
    await Promise.all(files.map(({ name }) => correctMode(join(directory, name), FILE_MODE)));
  }
}

async function correctMode(path: string, mode: number): Promise<void> {
  if (((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode);
}

async function extentFiles(paths: StorePaths): Promise<Map<string, number>> {
  const ids = (await readdir(paths.extents).catch(() => [])).map(extentIdOf).filter((id) => id !== null);
  return new Map(await Promise.all(ids.map(async (id): Promise<[string, number]> => [id, (await stat(extentFile(paths, id))).size])));
}

async function writeRepairs(
  core: StoreCore,
  { staleRows, shrunk }: LoadedCatalogue,
  rebuilt: ReadonlyMap<number, StoreRecord>,
  damagedRows: readonly number[],
): Promise<void> {
  const puts = new Map([...shrunk.map((block): [number, StoreRecord] => [block.row, blockRecord(block)]), ...rebuilt]);
  await core.index.write(
    puts,
    [...staleRows, ...damagedRows].filter((row) => !puts.has(row)),
  );
}

/** Extents without a row, with none that lives, and what was being written when a process stopped. */
async function sweep(core: StoreCore, files: ReadonlyMap<string, number>): Promise<void> {
  const { catalogue, paths, options } = core;
  const orphans = [...files.keys()].filter((id) => !catalogue.extents.has(id));
  for (const id of orphans) await core.unlinkExtent(id);
  if (orphans.length > 0) options.log('info', 'kv store: deleted extents without a row', { extents: orphans.length });
  const temporary = (await readdir(paths.directory)).filter((file) => /\.tmp(-journal|-wal)?$/.test(file) && !isBrokenIndex(file));
  for (const file of temporary) await removeFile(join(paths.directory, file)).catch(() => undefined); // the next start tries again
}
