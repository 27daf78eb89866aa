/**
 * The audit log as those who write to it have it. What the disk refuses waits in memory, as much as there is room for, and is written when it can be,
 * behind a line that says so: nothing that is done waits for a disk that is full.
 */
import { appendEvents } from './append-events.js';
import { type AuditEvent, ofTheLog, type TimedEvent } from './audit-event.js';
import { lockOf } from './audit-files.js';
import { exclusively } from './exclusively.js';

export interface AuditLogOptions {
  readonly path: string;
  /** A file that has grown beyond it is put aside, and a new one begun. */
  readonly maxBytes: number;
  /** Between attempts while it cannot be written. */
  readonly retryMs: number;
  /** Told of the first failure, and of the first after one that went well. */
  readonly onRefused: (error: unknown) => void;
}

export interface AuditStatus {
  readonly state: 'ready' | 'suspended';
  /** Why it cannot be written. */
  readonly reason: string | null;
  /** Events that wait in memory. */
  readonly held: number;
  /** Events for which there was no room. */
  readonly lost: number;
}

/** Events that may wait. */
const MAX_HELD = 1_000;

interface Gap {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly reason: string;
  lost: number;
}

export class AuditLog {
  readonly #options: AuditLogOptions;
  #held: TimedEvent[] = [];
  #gap: Gap | null = null;
  #retry: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  /** Not begun yet: who comes now is in it. */
  #next: Promise<void> | null = null;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  /** Resolves when it is on disk, or at once where it has to wait. Never rejects. */
  async record(event: AuditEvent): Promise<void> {
    if (this.#held.length >= MAX_HELD && this.#gap !== null) this.#gap.lost += 1;
    else this.#held.push({ ...event, at: Date.now() });
    if (this.#gap === null) await this.#write();
  }

  status(): AuditStatus {
    const { reason = null, lost = 0 } = this.#gap ?? {};
    return { state: this.#gap === null ? 'ready' : 'suspended', reason, held: this.#held.length, lost };
  }

  /** One more attempt; then what waits is given up. */
  async close(): Promise<void> {
    if (this.#held.length > 0) await this.#write();
    await this.#running;
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  #write(): Promise<void> {
    this.#next ??= this.#running = this.#running.then(() => {
      this.#next = null;
      return this.#writeHeld();
    });
    return this.#next;
  }

  async #writeHeld(): Promise<void> {
    const events = this.#held;
    if (events.length === 0) return;
    const gap = this.#gap;
    this.#held = [];
    try {
      const { path, maxBytes } = this.#options;
      await exclusively(lockOf(path), () =>
        appendEvents(path, maxBytes, gap === null ? events : [gapEvent(gap, events.length), ...events]),
      );
      this.#gap = null;
      if (this.#held.length > 0) void this.#write(); // they came while this was still refused
    } catch (error) {
      this.#held = [...events, ...this.#held];
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    if (this.#gap === null) {
      this.#gap = { since: Date.now(), reason: (error as Error).message, lost: 0 };
      this.#options.onRefused(error);
    }
    this.#retry = setTimeout(() => void this.#write(), this.#options.retryMs).unref();
  }
}

function gapEvent({ since, reason, lost }: Gap, late: number): TimedEvent {
  return ofTheLog('log.gap', { since: new Date(since).toISOString(), reason, late, lost });
}
