import { fstat } from 'node:fs';
import { promisify } from 'node:util';

import { extentFile, type StorePaths } from './directory.js';
import { closeFile, openFile } from './file-io.js';

/** Descriptors kept open beside those in use. */
const IDLE_FILES = 32;

interface Reader {
  readonly id: string;
  readonly fd: number;
  readonly fileBytes: number;
  holders: number;
}

/** Open extents, shared by those who read them. One that was unlinked stays readable until its last holder lets go. */
export class ExtentReaders {
  /** In order of use, the last used at the end. */
  readonly #open = new Map<string, Promise<Reader>>();

  constructor(private readonly paths: StorePaths) {}

  async hold(id: string): Promise<{ readonly fd: number; readonly fileBytes: number; release(): Promise<void> }> {
    const known = this.#open.get(id);
    const opening = known ?? this.#start(id);
    this.#open.delete(id);
    this.#open.set(id, opening);
    const reader = await opening;
    reader.holders++;
    let isHeld = true;
    return {
      fd: reader.fd,
      fileBytes: reader.fileBytes,
      release: async () => {
        if (!isHeld) return;
        isHeld = false;
        reader.holders--;
        await this.#trim(reader);
      },
    };
  }

  /** Its file is gone: nobody gets it any more. */
  async forget(id: string): Promise<void> {
    const opening = this.#open.get(id);
    this.#open.delete(id);
    const reader = await opening?.catch(() => undefined);
    if (reader?.holders === 0) await closeReader(reader);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.forget(id)));
  }

  #start(id: string): Promise<Reader> {
    const opening = openReader(this.paths, id);
    opening.catch(() => {
      if (this.#open.get(id) === opening) this.#open.delete(id);
    });
    return opening;
  }

  async #trim(released: Reader): Promise<void> {
    const current = await this.#open.get(released.id)?.catch(() => undefined);
    if (released.holders === 0 && current !== released) return closeReader(released);
    for (const [id, opening] of this.#open) {
      if (this.#open.size <= IDLE_FILES) return;
      const reader = await opening.catch(() => undefined);
      if (reader?.holders === 0 && this.#open.get(id) === opening) await this.forget(id);
    }
  }
}

async function openReader(paths: StorePaths, id: string): Promise<Reader> {
  const fd = await openFile(extentFile(paths, id), 'r');
  return { id, fd, fileBytes: (await promisify(fstat)(fd)).size, holders: 0 };
}

async function closeReader(reader: Reader): Promise<void> {
  reader.holders = -1; // closed once
  await closeFile(reader.fd);
}
