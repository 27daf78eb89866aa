/** What the store is opened with. No number of its own: who opens it has read the configuration. */
import type { ChecksumFile, Clock } from '../../core/ports.js';

export interface KvStoreLimits {
  /** Of all extents together, in bytes; 0 = no limit. */
  readonly maxBytes: number;
  /** What must stay free on the file system after a write, in bytes. */
  readonly minFreeBytes: number;
  /** Written to extents in one UTC day, in bytes; 0 = no limit. */
  readonly maxBytesPerDay: number;
}

export type StoreLog = (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void;

export interface KvStoreOptions {
  readonly directory: string;
  readonly limits: KvStoreLimits;
  /** Size that extents written by the store itself aim at (compaction, import). */
  readonly extentBytes: number;
  /** Between attempts to write again after the disk refused. */
  readonly retrySeconds: number;
  /** Of copies of damaged images, together. */
  readonly quarantineBytes: number;
  /** Share of dead bytes from which an extent is rewritten, 0..1. */
  readonly compactionShare: number;
  readonly clock: Clock;
  readonly checksumFile: ChecksumFile;
  readonly log: StoreLog;
}
