import { closeFile, makeDirectory, openFile, removeFile, sizeOf, syncData, writeAll } from './file-io.js';
import { replaceIndex } from './replace-index.js';
import { dayRecord, DAY_ROW, type StoreCore } from './store-core.js';

/** Enough that a file system cannot put it into an inode. */
const PROBE_BYTES = 64 << 10;

/** Writes as the store would, to a file and to the index; makes a new index where that one cannot be written. Rejects if the disk refuses. */
export async function probeDisk(core: StoreCore): Promise<void> {
  const { paths } = core;
  for (const directory of [paths.extents, paths.quarantine]) await makeDirectory(directory);
  const fd = await openFile(paths.probe, 'w');
  try {
    await writeAll(fd, new Uint8Array(PROBE_BYTES), 0);
    await syncData(fd);
  } finally {
    await closeFile(fd);
    await removeFile(paths.probe);
  }
  if (core.isIndexDamaged || core.index.isDead || (await sizeOf(paths.index)) === null) await replaceIndex(core);
  else await core.index.write(new Map([[DAY_ROW, dayRecord(core.governor.day)]]), []);
}
