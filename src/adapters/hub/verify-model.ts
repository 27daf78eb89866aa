/** Reads every file of an installed model and compares it with the hash it had when it was fetched or made. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { readModelFacts } from '../model-files/model-facts.js';
import { type InstalledModel, modelFolder } from './locate-model.js';
import { filesOf } from './model-library.js';

export interface VerifiedFile {
  readonly path: string;
  readonly bytes: number;
  /** `unrecorded`: nobody noted a hash for it, so only that it can be read was seen. */
  readonly state: 'whole' | 'damaged' | 'missing' | 'unrecorded';
  /** As it is now; null where it is missing. */
  readonly sha256: string | null;
}

export interface VerifiedModel {
  readonly id: string;
  /** False where a file is damaged or missing, or the headers do not fit the files. */
  readonly ok: boolean;
  readonly files: readonly VerifiedFile[];
  /** Why it cannot be loaded; null where nothing speaks against it. */
  readonly problem: string | null;
}

export async function verifyModel(model: InstalledModel, onProgress: (done: number, total: number) => void): Promise<VerifiedModel> {
  const folder = modelFolder(model);
  const wanted = filesOf(model);
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const files: VerifiedFile[] = [];
  for (const { path, sha256 } of wanted) {
    const file = join(folder, path);
    // Opened before anything else is asked of it: it may be removed meanwhile.
    const found = await open(file).catch(() => null);
    if (found === null) {
      files.push({ path, bytes: 0, state: 'missing', sha256: null });
      continue;
    }
    const { size: bytes } = await found.stat();
    const got = await sha256Of(found, (read) => onProgress((done += read), total));
    const state = sha256 === null ? 'unrecorded' : got === sha256 ? 'whole' : 'damaged';
    files.push({ path, bytes, state, sha256: got });
  }
  const { problem } = await readModelFacts(model.path);
  const broken = files.some(({ state }) => state === 'damaged' || state === 'missing');
  return { id: model.id, ok: !broken && problem === null, files, problem };
}

/** Closes `file`. */
async function sha256Of(file: FileHandle, onBytes: (bytes: number) => void): Promise<string> {
  const content = createHash('sha256');
  for await (const chunk of file.createReadStream({ highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    content.update(chunk);
    onBytes(chunk.length);
  }
  return content.digest('hex');
}
