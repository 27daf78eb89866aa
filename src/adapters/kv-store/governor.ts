import { statfs } from 'node:fs/promises';

import type { Clock } from '../../core/ports.js';
import type { KvStoreLimits } from './options.js';

const DAY_MS = 86_400_000;

export interface DayCount {
  readonly day: number; // whole days since 1970 in UTC
  readonly bytes: number;
}

/** Counts what is written, and says why something may not be. */
export class Governor {
  #day: DayCount;
  /** Since the store was opened. */
  writtenBytes = 0;
  /** Of extents begun and neither committed nor abandoned. */
  reservedBytes = 0;

  constructor(
    private readonly directory: string,
    private readonly limits: KvStoreLimits,
    private readonly clock: Clock,
    day: DayCount | null,
  ) {
    this.#day = day ?? { day: this.#today(), bytes: 0 };
  }

  /** Of this UTC day. A day other than the one counted starts anew, also one before it: a clock put right must not block. */
  get day(): DayCount {
    const today = this.#today();
    if (this.#day.day !== today) this.#day = { day: today, bytes: 0 };
    return this.#day;
  }

  count(bytes: number): void {
    this.#day = { day: this.day.day, bytes: this.#day.bytes + bytes };
    this.writtenBytes += bytes;
  }

  /** Why `bytes` more may not be written now; null where they may. `shortBytes`: what the file system lacks for them. */
  async refusal(bytes: number): Promise<{ readonly reason: string; readonly shortBytes?: number } | null> {
    const { maxBytesPerDay, minFreeBytes } = this.limits;
    const written = this.day.bytes + this.reservedBytes;
    if (maxBytesPerDay > 0 && written + bytes > maxBytesPerDay)
      return { reason: `wanted to write ${bytes} bytes, but ${written} of ${maxBytesPerDay} a day are written already` };
    const { bavail, bsize } = await statfs(this.directory);
    const free = bavail * bsize;
    const shortBytes = minFreeBytes + this.reservedBytes + bytes - free;
    if (shortBytes <= 0) return null;
    return { reason: `wanted to write ${bytes} bytes, but ${free} are free and ${minFreeBytes} must stay so`, shortBytes };
  }

  /** What must go before `bytes` more are within the size cap, 0 if nothing. */
  excess(bytes: number, fileBytes: number): number {
    const { maxBytes } = this.limits;
    return maxBytes === 0 ? 0 : Math.max(0, fileBytes + this.reservedBytes + bytes - maxBytes);
  }

  #today(): number {
    return Math.floor(this.clock.now() / DAY_MS);
  }
}
