import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface ContentHashes {
  readonly bytes: number;
  readonly sha256: string;
  /** Id of the file as git's object. */
  readonly gitOid: string;
}

/** Both in one reading. `size`: what the file has; git's id begins with it. */
export async function hashContent(path: string, size: number, onBytes: (bytes: number) => void = () => undefined): Promise<ContentHashes> {
  const sha256 = createHash('sha256');
  const git = createHash('sha1').update(`blob ${size}\0`);
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    sha256.update(chunk);
    git.update(chunk);
    bytes += chunk.length;
    onBytes(chunk.length);
  }
  return { bytes, sha256: sha256.digest('hex'), gitOid: git.digest('hex') };
}
