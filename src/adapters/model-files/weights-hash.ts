/** SHA-256 over a model's files. It is remembered by what tells a file's state, so that a restart need not read them again. */
import { createHash, hash } from 'node:crypto';
import { open, realpath } from 'node:fs/promises';
import { SemanticError } from '../../core/domain/errors.js';
import { fileMissing } from './file-errors.js';
import { fileState } from './file-state.js';
import { readHashMemory, type RememberedHash, writeHashMemory } from './hash-memory.js';

const CHUNK_BYTES = 512 * 1024; // about a millisecond of the event loop each

/**
 * Hash of the contents of `files`, in their order. `memory` is a JSON file that is made where there is none; where it is damaged or
 * cannot be written the files are read again. Throws ModelFileMissing, or ModelFileCorrupt for a file that changes meanwhile.
 */
export async function weightsHash(files: readonly string[], memory: string): Promise<string> {
  const known = await readHashMemory(memory);
  const hashes: string[] = [];
  let isNew = false;
  for (const file of files) {
    const path = await realpath(file).catch((cause: unknown) => {
      throw fileMissing(file, cause);
    });
    const entry = await hashFile(path, known.get(path));
    isNew ||= entry !== known.get(path);
    known.set(path, entry);
    hashes.push(entry.sha256);
  }
  if (isNew) await writeHashMemory(memory, known);
  return hash('sha256', JSON.stringify(hashes), 'hex');
}

/** `known` itself where the file is as it was then. */
export async function hashFile(path: string, known: RememberedHash | undefined): Promise<RememberedHash> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  try {
    const state = fileState(await file.stat({ bigint: true }));
    if (known?.state === state) return known;
    const content = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) break;
      content.update(buffer.subarray(0, bytesRead));
    }
    if (fileState(await file.stat({ bigint: true })) !== state) {
      throw new SemanticError('ModelFileCorrupt', `[model_files.hash] ${path} changed while it was read`, {
        hint: 'Wait until it is complete, then start again.',
      });
    }
    return { state, sha256: content.digest('hex') };
  } finally {
    await file.close();
  }
}
