/** A file that comes over the wire: written beside its place, under its name only when it is whole. */
import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { SemanticError } from '../core/domain/errors.js';

export interface IncomingFile {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly bytes: number;
}

/** Asks for the file only when it may be written; returns its bytes. */
export async function saveFile(path: string, options: { readonly overwrite: boolean }, open: () => Promise<IncomingFile>): Promise<number> {
  if (!options.overwrite && existsSync(path)) {
    throw new SemanticError('InvalidRequest', `[client] ${path} is there already`, { hint: 'Choose another name, or say --force.' });
  }
  const { chunks, bytes } = await open();
  const partial = `${path}.${process.pid}.part`;
  try {
    const file = createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(chunks, file);
    if (file.bytesWritten !== bytes) throw new SemanticError('DownloadFailed', `[client] ${file.bytesWritten} of ${bytes} bytes arrived`);
    await rename(partial, path);
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    throw error instanceof SemanticError ? error : failed(path, error as NodeJS.ErrnoException);
  }
}

const WRITING = new Set(['open', 'write', 'writev', 'fsync', 'rename']);

function failed(path: string, cause: NodeJS.ErrnoException): SemanticError {
  const { code, syscall, message } = cause;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new SemanticError('DiskFull', `[client] no room for ${path}: ${message}`, { cause });
  if (WRITING.has(syscall ?? '')) return new SemanticError('InvalidRequest', `[client] cannot write ${path}: ${message}`, { cause });
  return new SemanticError('DownloadFailed', `[client] ${path} broke off: ${message}`, {
    hint: 'Nothing of it was kept; try again.',
    cause,
  });
}
