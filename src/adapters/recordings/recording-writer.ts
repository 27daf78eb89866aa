/**
 * Writes a recording line by line. Nobody waits for it: what is added is queued, and the disk takes it when it can. It ends by itself when it is as
 * large as it may be, or when it cannot be written; the lines that are there stay whole.
 */
import { type FileHandle, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import {
  type Exchange,
  EXCHANGES_FILE,
  type Manifest,
  MANIFEST_FILE,
  type ManifestHead,
  RECORDING_FORMAT,
  RECORDING_VERSION,
} from './format.js';

export interface RecordingLimits {
  readonly maxBytes: number;
  /** Lines that wait for the disk; beyond it exchanges are dropped, and counted. */
  readonly maxQueuedBytes?: number;
  /** Told once where it ends by itself: it is full, or cannot be written. */
  readonly onEnd?: (status: RecordingStatus) => void;
}

export type RecordingState = Manifest['state'];

export interface RecordingStatus {
  readonly directory: string;
  readonly state: RecordingState;
  /** Why it failed; null where it did not. */
  readonly reason: string | null;
  readonly startedAt: string;
  readonly exchanges: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** As much as the answers of a busy second. */
const MAX_QUEUED_BYTES = 64 * 2 ** 20;

export class RecordingWriter {
  readonly #directory: string;
  readonly #file: FileHandle;
  readonly #head: ManifestHead;
  readonly #limits: RecordingLimits;
  readonly #startedAt = new Date().toISOString();
  #queue: string[] = [];
  #queuedBytes = 0;
  /** In the file. */
  #bytes = 0;
  /** Of all that was added. */
  #promisedBytes = 0;
  #counts: Manifest['counts'] = { exchanges: 0, cancelled: 0, dropped: 0, unfinished: 0 };
  #state: RecordingState = 'recording';
  #reason: string | null = null;
  #writing: Promise<void> = Promise.resolve();

  private constructor(directory: string, file: FileHandle, head: ManifestHead, limits: RecordingLimits) {
    this.#directory = directory;
    this.#file = file;
    this.#head = head;
    this.#limits = limits;
  }

  /** Throws RecordingConflict for a folder that has something in it, RecordingFailed where it cannot be made. */
  static async create(directory: string, head: ManifestHead, limits: RecordingLimits): Promise<RecordingWriter> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await assertEmpty(directory);
      const file = await open(join(directory, EXCHANGES_FILE), 'wx', 0o600);
      const writer = new RecordingWriter(directory, file, head, limits);
      await writer.#writeManifest();
      return writer;
    } catch (cause) {
      if (cause instanceof SemanticError) throw cause;
      throw new SemanticError('RecordingFailed', `[recording] cannot write to ${directory}: ${(cause as Error).message}`, { cause });
    }
  }

  get isOpen(): boolean {
    return this.#state === 'recording';
  }

  /** Never throws, and never waits. */
  add(exchange: Exchange): void {
    if (!this.isOpen) return;
    const line = `${JSON.stringify(exchange)}\n`;
    const bytes = Buffer.byteLength(line);
    if (this.#queuedBytes + bytes > (this.#limits.maxQueuedBytes ?? MAX_QUEUED_BYTES)) {
      this.#counts = { ...this.#counts, dropped: this.#counts.dropped + 1 };
      return;
    }
    if (this.#promisedBytes + bytes > this.#limits.maxBytes) {
      this.#end('full', null);
      return;
    }
    this.#queue.push(line);
    this.#queuedBytes += bytes;
    this.#promisedBytes += bytes;
    const { exchanges, cancelled } = this.#counts;
    this.#counts = { ...this.#counts, exchanges: exchanges + 1, cancelled: cancelled + (exchange.cancelled === null ? 0 : 1) };
    this.#writing = this.#writing.then(() => this.#writeQueued());
  }

  /** Resolves when nothing waits for the disk. */
  settled(): Promise<void> {
    return this.#writing;
  }

  status(): RecordingStatus {
    return {
      directory: this.#directory,
      state: this.#state,
      reason: this.#reason,
      startedAt: this.#startedAt,
      exchanges: this.#counts.exchanges,
      dropped: this.#counts.dropped,
      bytes: this.#promisedBytes,
      maxBytes: this.#limits.maxBytes,
    };
  }

  /** Writes what waits, and the manifest as it is in the end. `unfinished`: exchanges that will not be in it. Never rejects. */
  async close(unfinished: number): Promise<RecordingStatus> {
    if (this.#state === 'recording') this.#state = 'complete'; // what comes now comes too late
    await this.#writing;
    this.#counts = { ...this.#counts, unfinished };
    await this.#file.close().catch(() => undefined);
    await this.#writeManifest(new Date().toISOString()).catch(() => undefined); // readers count the lines themselves
    return this.status();
  }

  async #writeQueued(): Promise<void> {
    const lines = this.#queue;
    if (lines.length === 0 || this.#state === 'failed') return;
    this.#queue = [];
    const text = Buffer.from(lines.join(''));
    try {
      await this.#file.appendFile(text);
      this.#bytes += text.length;
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => undefined); // what of it is there is no line
      const kept = lines.length + this.#queue.length;
      this.#counts = { ...this.#counts, exchanges: this.#counts.exchanges - kept, dropped: this.#counts.dropped + kept };
      this.#promisedBytes = this.#bytes;
      this.#queue = [];
      this.#end('failed', (error as Error).message);
    }
    this.#queuedBytes = this.#queue.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  }

  #end(state: 'full' | 'failed', reason: string | null): void {
    this.#state = state;
    this.#reason = reason;
    this.#limits.onEnd?.(this.status());
  }

  #writeManifest(endedAt: string | null = null): Promise<void> {
    const manifest: Manifest = {
      format: RECORDING_FORMAT,
      version: RECORDING_VERSION,
      ...this.#head,
      state: this.#state,
      startedAt: this.#startedAt,
      endedAt,
      counts: this.#counts,
      bytes: this.#bytes,
    };
    return writeFile(join(this.#directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  }
}

async function assertEmpty(directory: string): Promise<void> {
  if ((await readdir(directory)).length === 0) return;
  throw new SemanticError('RecordingConflict', `[recording] wanted a new or an empty folder, got ${directory}, which has something in it`, {
    hint: 'Name another folder, or remove this one.',
  });
}
