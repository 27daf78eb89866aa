/** All lines of a log, in the order they were written, as they were at one moment. */
import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { headOf, lockOf, oldFiles } from './audit-files.js';
import { exclusively } from './exclusively.js';
import { readHead } from './head-file.js';
import type { Link } from './sealed-line.js';

export interface LogLine {
  /** Name of its file. */
  readonly file: string;
  /** In it, from 1. */
  readonly number: number;
  /** Without its line break. */
  readonly text: string;
  /** It has a line break. */
  readonly isWhole: boolean;
}

export interface LogSnapshot {
  readonly files: readonly string[];
  readonly head: Link | null;
  lines(): AsyncGenerator<LogLine, void, undefined>;
  close(): Promise<void>;
}

/** Files are opened while nobody writes or puts one aside; what is added later is not read. */
export async function openSnapshot(path: string): Promise<LogSnapshot> {
  const opened = (): Promise<LogSnapshot> => openAll(path);
  if (!existsSync(path) && !existsSync(headOf(path))) return opened(); // nobody writes there: nothing is made to look at it
  return exclusively(lockOf(path), opened).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EROFS' || error.code === 'EACCES') return opened(); // a copy of a log, that nobody writes to
    throw error;
  });
}

async function openAll(path: string): Promise<LogSnapshot> {
  const opened: { readonly name: string; readonly file: FileHandle; readonly size: number }[] = [];
  for (const one of [...oldFiles(path), path]) {
    const file = await open(one, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (file !== null) opened.push({ name: basename(one), file, size: (await file.stat()).size });
  }
  const head = await readHead(headOf(path));
  return {
    files: opened.map(({ name }) => name),
    head,
    async *lines() {
      for (const { name, file, size } of opened) yield* linesOf(name, await readWhole(file, size));
    },
    async close() {
      for (const { file } of opened) await file.close();
    },
  };
}

async function readWhole(file: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function* linesOf(file: string, bytes: Buffer): Generator<LogLine, void, undefined> {
  for (let start = 0, number = 1; start < bytes.length; number++) {
    const end = bytes.indexOf(0x0a, start);
    const isWhole = end >= 0;
    const stop = isWhole ? end : bytes.length;
    yield { file, number, text: bytes.toString('utf8', start, stop), isWhole };
    start = stop + 1;
  }
}
