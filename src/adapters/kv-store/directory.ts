/** Names in the store's directory. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

const EXTENT_SUFFIX = '.safetensors';

export interface StorePaths {
  readonly directory: string;
  readonly extents: string;
  readonly quarantine: string;
  readonly format: string;
  readonly lock: string;
  /** Who holds the lock, for display. */
  readonly lockOwner: string;
  readonly index: string;
  /** Written and removed to see whether the disk takes data again. */
  readonly probe: string;
}

export function storePaths(directory: string): StorePaths {
  return {
    directory,
    extents: join(directory, 'extents'),
    quarantine: join(directory, 'quarantine'),
    format: join(directory, 'format'),
    lock: join(directory, 'lock'),
    lockOwner: join(directory, 'lock.pid'),
    index: join(directory, 'index.db'),
    probe: join(directory, 'probe.tmp'),
  };
}

/** Never used twice: a row that points to an extent of the past points to nothing. */
export function newExtentId(): string {
  return randomBytes(12).toString('hex');
}

export function extentFile(paths: StorePaths, id: string): string {
  return join(paths.extents, id + EXTENT_SUFFIX);
}

/** Null for a file that is no extent. */
export function extentIdOf(file: string): string | null {
  return /^([0-9a-f]{24})\.safetensors$/.exec(file)?.[1] ?? null;
}

export function brokenIndexFile(paths: StorePaths, now: number): string {
  return join(paths.directory, `index-${new Date(now).toISOString().replaceAll(/[:.]/g, '')}.broken`);
}

export function isBrokenIndex(file: string): boolean {
  return /^index-.*\.broken(-wal)?$/.test(file);
}
