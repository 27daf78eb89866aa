/** The rows of the fault matrix. docs/reliability.md shows them in this order; a test holds the page against this list. */
export const ROWS = {
  'store-kill': {
    level: 'store',
    fault: 'kill -9 before, after and in the middle of every write, sync, create, rename, delete and truncate',
    injected: 'preload shim, at each call of a scripted workload',
  },
  'store-errno-once': {
    level: 'store',
    fault: 'one call fails with ENOSPC, EIO, EROFS or EDQUOT',
    injected: 'preload shim, at each call of the workload',
  },
  'store-errno-lasting': {
    level: 'store',
    fault: 'the disk is full, over quota, failing or read-only from some call on, and well again later',
    injected: 'preload shim, from each call of the workload on',
  },
  'store-short-write': {
    level: 'store',
    fault: 'a write takes half of its bytes, then the disk is full',
    injected: 'preload shim, at each write of the workload',
  },
  'store-power-cut': {
    level: 'store',
    fault: 'power is cut: what was not synced is gone, in whole or in part',
    injected: 'disk states rebuilt from the recorded calls, at each of them',
  },
  'store-corruption': {
    level: 'store',
    fault: 'flipped bits, zeroed pages, cuts, swapped, duplicated and deleted files, the index included',
    injected: 'seeded, into a directory at rest',
  },
  'store-full-disk': {
    level: 'store',
    fault: 'a file system that is really full',
    injected: 'a tmpfs of a few hundred KB, mounted in a user namespace',
  },
} as const;

export type RowId = keyof typeof ROWS;
