import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { agentRecord } from './agent-record.js';
import { blockRecord, extentRecord } from './catalogue.js';
import { brokenIndexFile, extentFile, isBrokenIndex } from './directory.js';
import { removeFile, sizeOf, syncDirectory } from './file-io.js';
import { IndexThread } from './index-thread.js';
import type { StoreRecord } from './records.js';
import { removeImages } from './remove-images.js';
import { dayRecord, DAY_ROW, type StoreCore } from './store-core.js';

/** Broken ones kept for inquiry. */
const MAX_BROKEN = 2;

/** Writes a new index from what is in memory and sets the one before aside. */
export async function replaceIndex(core: StoreCore): Promise<void> {
  await core.index.close();
  const aside = brokenIndexFile(core.paths, core.options.clock.now());
  const { records, ownerRows } = snapshot(core);
  core.index = new IndexThread(core.paths.index, core.paths.lock);
  if (!(await core.index.replace(records, aside))) throw new Error('another process has taken the store over');
  for (const [name, row] of ownerRows) core.catalogue.owner(name).rows = [row];
  core.isIndexDamaged = false;
  await syncDirectory(core.paths.directory);
  core.options.log('warn', 'kv store: the index was damaged and has been written anew', { blocks: core.catalogue.blocks.size });
  await dropOldBroken(core);
  await dropLost(core);
}

/** All rows of what is in memory; owners' rows are new, behind those of the blocks they name. */
function snapshot(core: StoreCore): { records: Map<number, StoreRecord>; ownerRows: Map<string, number> } {
  const { blocks, extents, owners, agents } = core.catalogue;
  const records = new Map<number, StoreRecord>([[DAY_ROW, dayRecord(core.governor.day)]]);
  const ownerRows = new Map<string, number>();
  for (const extent of extents.values()) records.set(extent.row, extentRecord(extent));
  for (const block of blocks.values()) records.set(block.row, blockRecord(block));
  for (const { row, agent } of agents.values()) records.set(row, agentRecord(agent));
  for (const [owner, entry] of owners) {
    if (entry.pin !== null) records.set(entry.pin, { type: 'pin', owner });
    const row = core.newRow();
    ownerRows.set(owner, row);
    records.set(row, { type: 'own', owner, hashes: [...entry.blocks].map(({ hash }) => hash) });
  }
  return { records, ownerRows };
}

async function dropOldBroken({ paths }: StoreCore): Promise<void> {
  const broken = (await readdir(paths.directory)).filter((file) => file.endsWith('.broken') && isBrokenIndex(file)).sort();
  for (const file of broken.slice(0, -MAX_BROKEN)) {
    await removeFile(join(paths.directory, file));
    await removeFile(join(paths.directory, `${file}-wal`));
  }
}

/** The directory may have been emptied: what has no file any more is forgotten. */
async function dropLost(core: StoreCore): Promise<void> {
  const lost = new Set<string>();
  for (const { id } of core.catalogue.extents.values()) if ((await sizeOf(extentFile(core.paths, id))) === null) lost.add(id);
  if (lost.size > 0) await removeImages(core, 'repair', ({ extent }) => lost.has(extent.id));
}
