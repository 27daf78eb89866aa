/**
 * Texts under ids, each of one scope, that outlive the process: one file each, complete or not there. There are at most so many, of so many
 * bytes; the least recently used go. What the disk refuses stays in memory.
 *
 * Files rather than the database of KV (ADR-006): a record is written once, read whole and never searched, so a name is all the index it
 * needs, and nothing here waits for that thread or is lost with it.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface RecordStoreOptions {
  /** Null = in memory only. */
  readonly directory: string | null;
  readonly maxCount: number;
  readonly maxBytes: number;
  /** Told of the first file that could not be written, and of the first after one that could. */
  readonly onRefused: (error: unknown) => void;
}

export interface RecordKey {
  readonly scope: string;
  /** Letters, digits, - and _. */
  readonly id: string;
}

interface Entry {
  readonly bytes: number;
  /** Null once its file is written. */
  text: string | null;
}

const NAME = /^[\w-]{1,128}$/;
const SUFFIX = '.json';
const DIGEST_CHARACTERS = 64;

export class RecordStore {
  /** By the path in the directory, the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #work: Promise<void> = Promise.resolve();
  #isRefused = false;

  private constructor(private readonly options: RecordStoreOptions) {}

  static async open(options: RecordStoreOptions): Promise<RecordStore> {
    const store = new RecordStore(options);
    if (options.directory !== null) for (const [path, bytes] of await listed(options.directory)) store.#add(path, { bytes, text: null });
    return store;
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Can be had at once; its file follows. One that is larger than all may be is not kept: false. */
  put(key: RecordKey, text: string): boolean {
    const path = pathOf(key);
    const bytes = Buffer.byteLength(text);
    if (path === null || bytes > this.options.maxBytes) return false;
    const entry: Entry = { bytes, text };
    this.#add(path, entry);
    this.#then(async () => {
      if (this.#entries.get(path) === entry) await this.#write(path, entry);
    });
    return true;
  }

  /** Counts as used now. Null for what is not there, or not what was written. */
  async get(key: RecordKey): Promise<string | null> {
    const path = pathOf(key);
    if (path === null) return null;
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#add(path, entry);
    if (entry !== undefined && entry.text !== null) return entry.text;
    const { directory } = this.options;
    if (directory === null) return null;
    const file = join(directory, path);
    const text = await readText(file);
    if (text !== null) this.#then(() => utimes(file, new Date(), new Date()).catch(() => undefined)); // for the order at the next start
    return text;
  }

  /** Resolves when its file is gone. False where there was none. */
  async remove(key: RecordKey): Promise<boolean> {
    const path = pathOf(key);
    if (path === null) return false;
    const wasThere = this.#entries.has(path) || (await this.get(key)) !== null;
    this.#forget(path);
    await this.#work;
    return wasThere;
  }

  /** Resolves when nothing of that scope is left on disk. */
  async removeScope(scope: string): Promise<void> {
    const folder = folderOf(scope);
    for (const path of [...this.#entries.keys()]) if (dirname(path) === folder) this.#drop(path);
    const { directory } = this.options;
    if (directory !== null) this.#then(() => rm(join(directory, folder), { recursive: true, force: true }));
    await this.#work;
  }

  /** Resolves when all files are written. */
  async settled(): Promise<void> {
    await this.#work;
  }

  #add(path: string, entry: Entry): void {
    this.#drop(path);
    this.#entries.set(path, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.options.maxCount && this.#bytes <= this.options.maxBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(path: string): void {
    this.#drop(path);
    const { directory } = this.options;
    if (directory !== null) this.#then(() => rm(join(directory, path), { force: true }));
  }

  #drop(path: string): void {
    this.#bytes -= this.#entries.get(path)?.bytes ?? 0;
    this.#entries.delete(path);
  }

  async #write(path: string, entry: Entry): Promise<void> {
    const { directory } = this.options;
    if (directory === null) return;
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.tmp`, digest(entry.text!) + entry.text!, { mode: 0o600 });
    await rename(`${file}.tmp`, file);
    entry.text = null;
    this.#isRefused = false;
  }

  /** One after the other, so that what is done last stands. */
  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      if (!this.#isRefused) this.options.onRefused(error);
      this.#isRefused = true;
    });
  }
}

/** Scopes may be anything; a folder of a hash says nothing of them. Null for ids that are no names. */
function pathOf({ scope, id }: RecordKey): string | null {
  return NAME.test(id) ? join(folderOf(scope), id + SUFFIX) : null;
}

function folderOf(scope: string): string {
  return createHash('sha256').update(scope).digest('hex').slice(0, 16);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function readText(file: string): Promise<string | null> {
  const all = await readFile(file, 'utf8').catch(() => null);
  if (all === null) return null;
  const text = all.slice(DIGEST_CHARACTERS);
  return digest(text) === all.slice(0, DIGEST_CHARACTERS) ? text : null;
}

/** Paths and sizes, the least recently used first. What is left of a write that was cut off is removed. */
async function listed(directory: string): Promise<[string, number][]> {
  const found: { readonly path: string; readonly bytes: number; readonly usedAt: number }[] = [];
  for (const scope of await readdir(directory).catch(() => [])) {
    const names = await readdir(join(directory, scope)).catch(() => []);
    const read = names.map(async (name) => {
      const path = join(scope, name);
      if (!name.endsWith(SUFFIX)) return rm(join(directory, path), { force: true, recursive: true });
      const { size, mtimeMs } = await stat(join(directory, path));
      found.push({ path, bytes: Math.max(0, size - DIGEST_CHARACTERS), usedAt: mtimeMs });
    });
    await Promise.allSettled(read); // a file that went meanwhile is not there
  }
  return found.sort((a, b) => a.usedAt - b.usedAt).map(({ path, bytes }) => [path, bytes]);
}
