/** The rows of the fault matrix. docs/reliability.md shows them in this order; a test holds the page against this list. */
/** @typedef {'store-kill' | 'store-errno-once' | 'store-errno-lasting' | 'store-short-write' | 'store-corruption' | 'daemon-kill' | 'daemon-errno' | 'daemon-corruption' | 'daemon-unreadable' | 'daemon-read-only' | 'daemon-full-disk' | 'daemon-clock' | 'daemon-two' | 'daemon-newer-format'} RowId */

/** @type {Readonly<Record<RowId, { readonly level: 'store' | 'daemon', readonly fault: string, readonly injected: string }>>} */
export const ROWS = {
  'store-kill': {
    level: 'store',
    fault: 'kill -9 before, after and in the middle of every write, sync, create, rename, delete and truncate',
    injected: 'preload shim, at each call of a scripted workload',
  },
  'store-errno-once': {
    level: 'store',
    fault: 'one call fails with ENOSPC, EIO, EROFS or EDQUOT',
    injected: 'preload shim, at each call of the workload with two of the four',
  },
  'store-errno-lasting': {
    level: 'store',
    fault: 'the disk is full, over quota, failing or read-only from some call on, and well again later',
    injected: 'preload shim, from each call of the workload on, with one of the four',
  },
  'store-short-write': {
    level: 'store',
    fault: 'a write takes half of its bytes, then the disk is full',
    injected: 'preload shim, at each write of the workload',
  },
  'store-corruption': {
    level: 'store',
    fault: 'flipped bits, zeroed pages, cuts, swapped, duplicated and deleted files, the index included',
    injected: 'seeded, into a directory at rest',
  },
  'daemon-kill': {
    level: 'daemon',
    fault: 'kill -9 before, after and in the middle of a write',
    injected:
      'preload shim, at calls spread over all kinds of them while agents talk, one is purged and the daemon ends; then a restart and the next turns',
  },
  'daemon-errno': {
    level: 'daemon',
    fault: 'the disk is full, over quota, failing or read-only while agents talk, and well again later',
    injected: 'preload shim, switched on and off while the daemon runs; then kill -9 and a restart',
  },
  'daemon-corruption': {
    level: 'daemon',
    fault: 'flipped bits, zeroed pages, cuts, swapped, duplicated and deleted files, the index included',
    injected: 'seeded, between two runs',
  },
  'daemon-unreadable': {
    level: 'daemon',
    fault: 'reads fail; the extents, or the whole directory, are deleted under the daemon',
    injected: 'preload shim; rm -r while it runs',
  },
  'daemon-read-only': {
    level: 'daemon',
    fault: 'the directory is read-only when the daemon starts',
    injected: 'preload shim (EROFS)',
  },
  'daemon-full-disk': {
    level: 'daemon',
    fault: 'a file system that is really full',
    injected: 'a small tmpfs, mounted in a user namespace',
  },
  'daemon-clock': {
    level: 'daemon',
    fault: 'the clock jumps back one day, or forward one year',
    injected: 'preload shim, while the daemon runs',
  },
  'daemon-two': {
    level: 'daemon',
    fault: 'two daemons on one directory; the first is killed',
    injected: 'two real daemons',
  },
  'daemon-newer-format': {
    level: 'daemon',
    fault: 'the directory is of a newer format version',
    injected: 'its format file',
  },
};
