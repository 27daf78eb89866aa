import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { SemanticError } from '../core/domain/errors.js';

/** A regular file to be sent, with its length. */
export async function openFile(path: string): Promise<{ readonly chunks: ReadStream; readonly bytes: number }> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const text = cause.code === 'ENOENT' ? `there is no file ${path}` : `cannot read ${path}: ${cause.message}`;
    throw new SemanticError('InvalidRequest', `[client] ${text}`, { cause });
  });
  if (!found.isFile()) throw new SemanticError('InvalidRequest', `[client] ${path} is no regular file`);
  return { chunks: createReadStream(path), bytes: found.size };
}
