/** Reading and writing by plain descriptors: native code takes them, and they outlive the unlinking of their file. */
import { close, fdatasync, fsync, open, read, write } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;
export const COPY_BYTES = 1 << 20;

export const openFile: (path: string, flags: string) => Promise<number> = (path, flags) => promisify(open)(path, flags, FILE_MODE);
export const closeFile = promisify(close);
export const syncData = promisify(fdatasync);
const readSome = promisify(read);
const writeSome = promisify(write);

export async function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await writeSome(fd, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Into the start of `buffer`; ends early where the file does. */
export async function readInto(fd: number, buffer: Uint8Array, bytes: number, position: number): Promise<number> {
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await readSome(fd, buffer, done, bytes - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** As many bytes as there are: fewer than wanted where the file ends. */
export async function readAll(fd: number, bytes: number, position: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  const done = await readInto(fd, buffer, bytes, position);
  return done === bytes ? buffer : buffer.subarray(0, done);
}

/** The source of a copy ends too early, or the disk does not give it. */
export class UnreadableError extends Error {}

export async function copyRange(from: number, fromOffset: number, to: number, toOffset: number, bytes: number): Promise<void> {
  for (let done = 0; done < bytes; done += COPY_BYTES) {
    const part = Math.min(COPY_BYTES, bytes - done);
    const chunk = await readAll(from, part, fromOffset + done).catch((cause: unknown) => {
      throw new UnreadableError('the disk does not give it', { cause });
    });
    if (chunk.length < part) throw new UnreadableError(`the file ends ${bytes - done - chunk.length} bytes before the image does`);
    await writeAll(to, chunk, toOffset + done);
  }
}

/** Makes names in a directory durable: files made, renamed or unlinked in it. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = await openFile(path, 'r');
  try {
    await promisify(fsync)(fd);
  } finally {
    await closeFile(fd);
  }
}

/** All or nothing, also after a power cut. */
export async function writeFileDurably(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const fd = await openFile(temporary, 'w');
  try {
    await writeAll(fd, bytes, 0);
    await syncData(fd);
  } finally {
    await closeFile(fd);
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
}

export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Bytes of a file; null where there is none. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch {
    return null;
  }
}
